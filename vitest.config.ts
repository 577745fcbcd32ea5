import { defineConfig } from 'vitest/config';

// Tests run from the sources: this condition stands first in every package's exports map.
const conditions = ['@outrigger/source', 'node', 'import', 'module', 'default'];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    passWithNoTests: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/**/src/**/*.test.ts', 'apps/**/src/**/*.test.ts', 'tools/*.test.ts'],
          // One module graph for all files: 20 times faster. Tests share no global state.
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: 'conformance', include: ['packages/*/test/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        extends: true,
        test: { name: 'e2e', include: ['e2e/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
      },
    ],
  },
});
