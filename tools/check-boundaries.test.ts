import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { checkBoundaries } from './check-boundaries.ts';

const made: string[] = [];

afterEach(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true });
});

/** Lays a workspace of three packages, with `files` on top, and checks it. */
function check(files: Record<string, string> = {}): string[] {
  const root = mkdtempSync(join(tmpdir(), 'boundaries-'));
  made.push(root);
  const manifest = (name: string, tags: string[], more = {}) =>
    JSON.stringify({ name: `@outrigger/${name}`, nx: { tags }, ...more });
  const workspace = {
    'package.json': JSON.stringify({ workspaces: ['packages/*'] }),
    'packages/core/package.json': manifest('core', ['room:core']),
    'packages/runtime/package.json': manifest('runtime', ['room:runtime']),
    'packages/state-redis/package.json': manifest('state-redis', ['room:backend']),
    ...files,
  };
  for (const [file, text] of Object.entries(workspace)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return checkBoundaries(root);
}

test('imports to the right and names in comments are fine', () => {
  expect(
    check({
      'packages/runtime/src/state.ts':
        "// As redis does.\nimport { type Store } from '@outrigger/core';\nexport type S = Store;",
      'packages/runtime/src/state.test.ts': "import redis from '@outrigger/state-redis';\nredis;",
      'packages/state-redis/src/index.ts': "export * from '@outrigger/core';",
    }),
  ).toEqual([]);
});

test('an import of a backend by the runtime is refused, static, dynamic or re-exported', () => {
  const problems = check({
    'packages/runtime/src/a.ts': "\nimport a from '@outrigger/state-redis';",
    'packages/runtime/src/b.ts': "await import('@outrigger/state-redis');",
    'packages/runtime/src/c.ts': "export * from '@outrigger/state-redis/sub';",
  }).filter((problem) => problem.includes('imports'));
  expect(problems).toEqual(
    ['a.ts:2', 'b.ts:1', 'c.ts:1'].map(
      (at) =>
        `packages/runtime/src/${at}: imports @outrigger/state-redis (room backend), but room runtime may use only: core`,
    ),
  );
});

test('a dependency that the room does not allow is refused in the manifest', () => {
  const manifest = {
    name: '@outrigger/core',
    nx: { tags: ['room:core'] },
    dependencies: { '@outrigger/runtime': '*' },
  };
  expect(check({ 'packages/core/package.json': JSON.stringify(manifest) })).toEqual([
    'packages/core/package.json: depends on @outrigger/runtime (room runtime), but room core may use only: nothing of ours',
  ]);
});

test('a relative import out of the package is refused', () => {
  expect(check({ 'packages/runtime/src/a.ts': "import '../../core/src/index.ts';" })).toEqual([
    'packages/runtime/src/a.ts:1: imports "../../core/src/index.ts" from outside packages/runtime; import its package by name',
  ]);
});

test('a backend is found by name in any spelling, but not within another word', () => {
  const lines = [
    "'state.redis/v1'",
    'redisUrl',
    'createRedisStore',
    'REDIS_HOST',
    '`redis://${1}`',
    'rediscover',
    "'predis'",
  ];
  expect(check({ 'packages/core/src/a.ts': lines.join(';\n') })).toEqual(
    [1, 2, 3, 4, 5].map(
      (line) => `packages/core/src/a.ts:${line}: names the backend "redis"; room core knows none by name`,
    ),
  );
});

test('a name of several words is found, an everyday one only if no package says it is generic', () => {
  const backend = (name: string, ...tags: string[]) =>
    JSON.stringify({ name: `@outrigger/${name}`, nx: { tags: ['room:backend', ...tags] } });
  const problems = check({
    'packages/state-in-memory/package.json': backend('state-in-memory'),
    'packages/secrets-local/package.json': backend('secrets-local', 'name:generic'),
    'packages/core/src/a.ts': "'state.in-memory';\ninMemoryStore;\n'kept in memory';\nlocal;",
  });
  expect(problems.map((problem) => problem.split(':')[1])).toEqual(['1', '2']);
});

test('a package without a known room is refused', () => {
  expect(check({ 'packages/core/package.json': JSON.stringify({ name: '@outrigger/core' }) })[0]).toMatch(
    /^packages\/core\/package\.json: "nx\.tags" needs "room:<one of core, /,
  );
});
