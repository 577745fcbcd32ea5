import { defineConfig } from 'vitest/config';
import { listPackages } from './tools/packages.ts';

// Tests run from the sources: this condition stands first in every package's exports map.
// No `module`: bundlers know it, Node does not, and packages put files there that it cannot load.
// Nor `import`, which fits nevertheless where it does: said here it would hand ES modules to CommonJS packages that ask by `require`.
const conditions = ['@outrigger/source', 'node'];

// A package whose tests need a running server says which in its manifest: "nx": { "tags": ["server:redis"] }.
const needServer = listPackages(import.meta.dirname)
  .filter(({ manifest }) => manifest.nx?.tags?.some((tag) => tag.startsWith('server:')))
  .map(({ folder }) => `${folder}/test/**/*.test.ts`);

// Processes, servers and the tests share the processors, on some machines with strangers: what failed is run once more, and the
// report says which that was.
const timed = { testTimeout: 120_000, hookTimeout: 120_000, retry: 1 };

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // How long a machine may take that runs much else besides; who asserts that something is fast says so itself.
    expect: { poll: { timeout: 40_000, interval: 10 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // as below, where strangers have the processors; on a laptop a test that fails now and then is to be mended
          ...(process.env['CI'] ? { retry: 1 } : {}),
          testTimeout: 30_000,
          hookTimeout: 30_000,
          include: ['packages/**/src/**/*.test.ts', 'apps/**/src/**/*.test.ts', 'tools/*.test.ts'],
          // One module graph for all files: 20 times faster. Tests share no global state; what they stub is put back.
          isolate: false,
          restoreMocks: true,
          unstubEnvs: true,
          unstubGlobals: true,
        },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['packages/*/{test,templates}/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...needServer],
          ...timed,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'e2e/backends/**'],
          ...timed,
        },
      },
      {
        extends: true,
        test: {
          name: 'backends',
          include: [...needServer, 'e2e/backends/**/*.test.ts'],
          ...timed,
          // and ten servers beside them, some of which tests start for themselves: a broker's start alone may take a minute
          testTimeout: 240_000,
          hookTimeout: 240_000,
          retry: 2,
        },
      },
    ],
  },
});
