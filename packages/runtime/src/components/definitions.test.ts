import { defineComponent } from '@outrigger/core';
import { afterEach, describe, expect, test } from 'vitest';

import { definitionSource, Folder } from '../../test/folder.ts';
import { Definitions } from './definitions.ts';

let folder = new Folder();
afterEach(() => {
  folder[Symbol.dispose]();
  folder = new Folder();
});

const source = (type: string, marker = '') =>
  definitionSource(`kind: 'state', type: '${type}', description: '${marker}'`);

function definitions(
  options: { searchFrom?: string; packages?: string[]; given?: Parameters<typeof defineComponent>[0][] } = {},
) {
  const { searchFrom = folder.path, packages = [], given = [] } = options;
  return new Definitions({ definitions: given.map((one) => defineComponent(one)), searchFrom, packages });
}

const v1 = (type: string) => ({ type, version: 'v1' });

describe('a type is found', () => {
  test('in a direct dependency of the project around the folder', async () => {
    folder.file('package.json', JSON.stringify({ dependencies: { theirs: '*' } }));
    folder.install(
      'theirs',
      { outrigger: { spi: 1, components: { 'state.theirs/v1': '.' } } },
      { 'index.js': source('state.theirs') },
    );
    const found = await definitions({ searchFrom: `${folder.path}/deep/below` }).find(v1('State.Theirs'));
    expect(found).toMatchObject({ kind: 'state', definition: { type: 'state.theirs' } });
  });

  test('anywhere in node_modules, scoped or not, when no package.json names it', async () => {
    folder.install(
      '@a/b',
      { outrigger: { spi: 1, components: { 'state.b': '.' } } },
      { 'index.js': source('state.b') },
    );
    folder.install(
      'c',
      { exports: { './sub': './sub.js' }, outrigger: { spi: 1, components: { 'state.c/v2': './sub' } } },
      { 'sub.js': source('state.c') },
    );
    expect((await definitions().find(v1('state.b'))).definition.type).toBe('state.b');
    expect((await definitions().find({ type: 'state.c', version: 'v2' })).definition.type).toBe('state.c');
  });

  test('in the nearest of several node_modules', async () => {
    const manifest = { outrigger: { spi: 1, components: { 'state.x/v1': '.' } } };
    folder.install('x', manifest, { 'index.js': source('state.x', 'far') });
    folder.install('x', manifest, { 'index.js': source('state.x', 'near') }, 'app');
    const found = await definitions({ searchFrom: `${folder.path}/app` }).find(v1('state.x'));
    expect(found.definition.description).toBe('near');
  });

  test('beside the runtime itself, from a folder that knows nothing of it', async () => {
    expect((await definitions().find(v1('state.in-memory'))).definition.type).toBe('state.in-memory');
  });

  test('in a package named by path or by name, which goes before others', async () => {
    const manifest = { outrigger: { spi: 1, components: { 'state.in-memory/v1': '.' } } };
    folder.install('mine', manifest, { 'index.js': source('state.in-memory', 'mine') });
    for (const name of ['./node_modules/mine', 'mine']) {
      const found = await definitions({ packages: [name] }).find(v1('state.in-memory'));
      expect(found.definition.description).toBe('mine');
    }
  });

  test('among the definitions handed in, before anything installed', async () => {
    const given = {
      kind: 'state',
      type: 'state.in-memory',
      version: 'v1',
      metadata: {},
      description: 'given',
      create: () => Promise.reject(new Error('no')),
    } as const;
    expect((await definitions({ given: [given] }).find(v1('state.in-memory'))).definition.description).toBe('given');
  });

  test('under a second name that only the manifest knows', async () => {
    folder.install(
      'x',
      { outrigger: { spi: 1, components: { 'state.x/v1': '.', 'state.alias/v1': '.' } } },
      { 'index.js': source('state.x') },
    );
    expect((await definitions().find(v1('state.alias'))).definition.type).toBe('state.x');
  });

  test('as a named export, when a module holds several', async () => {
    const both = `${source('state.a').replace('export default', 'export const a =')}${source('state.b').replace('export default', 'export const b =')}`;
    folder.install(
      'x',
      { outrigger: { spi: 1, components: { 'state.a/v1': '.', 'state.b/v1': '.' } } },
      { 'index.js': both },
    );
    expect((await definitions().find(v1('state.b'))).definition.type).toBe('state.b');
  });

  test.each([
    ['only the condition import', { '.': { import: './index.js' } }],
    ['no map at all', undefined],
  ])('behind exports with %s', async (_, exports) => {
    folder.install(
      'x',
      { exports, main: './index.js', outrigger: { spi: 1, components: { 'state.x/v1': '.' } } },
      { 'index.js': source('state.x') },
    );
    expect((await definitions().find(v1('state.x'))).definition.type).toBe('state.x');
  });

  test('without importing any other package', async () => {
    folder.install(
      'bad',
      { outrigger: { spi: 1, components: { 'state.bad/v1': '.' } } },
      { 'index.js': 'throw new Error("imported");' },
    );
    folder.install(
      'good',
      { outrigger: { spi: 1, components: { 'state.good/v1': '.' } } },
      { 'index.js': source('state.good') },
    );
    await definitions().find(v1('state.good'));
    await expect(definitions().find(v1('state.bad'))).rejects.toThrow(
      'bad, which provides state.bad/v1, cannot be imported: imported',
    );
  });

  test('although other packages are broken', async () => {
    folder.file('node_modules/broken/package.json', '{"outrigger":');
    folder.file('node_modules/empty/readme.md', '');
    folder.install('odd', { outrigger: { components: 'none' } });
    expect((await definitions().find(v1('state.in-memory'))).kind).toBe('state');
  });
});

describe('a type that is not found says what to do', () => {
  test.each([
    ['state.in-memry', 'no installed package provides state.in-memry/v1; did you mean state.in-memory?'],
    ['stat.in-memory', 'no building block takes components of type stat.in-memory; did you mean state.in-memory?'],
    [
      'nonsense',
      'no building block takes components of type nonsense; the first word of a type is one of state, pubsub',
    ],
  ])('%s', async (type, message) => {
    await expect(definitions().find(v1(type))).rejects.toThrow(message);
  });

  test('the types there are, when nothing is like it', async () => {
    await expect(definitions().find(v1('state.zzzzzzzz'))).rejects.toThrow(
      /state\.zzzzzzzz\/v1\. Known types: state\.in-memory, /,
    );
  });

  test('the versions there are', async () => {
    await expect(definitions().find({ type: 'state.in-memory', version: 'v7' })).rejects.toThrow(
      'no installed package provides state.in-memory/v7: state.in-memory has no version v7, but v1',
    );
  });

  test('a package for another version of the contracts', async () => {
    folder.install(
      'x',
      { outrigger: { spi: 2, components: { 'state.x/v1': '.' } } },
      { 'index.js': source('state.x') },
    );
    await expect(definitions().find(v1('state.x'))).rejects.toThrow(
      'the package x is made for version 2 of the component contracts, this runtime has version 1: install a release of x that fits',
    );
  });

  test.each([
    [
      'export default { kind: "state" };',
      'x should export a component definition for state.x/v1, made with defineComponent, as its default; it exports default',
    ],
    ['', 'it exports nothing'],
    [
      definitionSource('kind: "pubsub", type: "state.x"'),
      'state.x/v1 should be a component for the block state, but what provides it is one for pubsub',
    ],
  ])('a package whose export is no such definition: %s', async (module, message) => {
    folder.install('x', { outrigger: { spi: 1, components: { 'state.x/v1': '.' } } }, { 'index.js': module });
    await expect(definitions().find(v1('state.x'))).rejects.toThrow(message);
  });

  test('a subpath that the package does not export', async () => {
    folder.install('x', { outrigger: { spi: 1, components: { 'state.x/v1': './none' } } }, { 'index.js': '' });
    await expect(definitions().find(v1('state.x'))).rejects.toThrow(
      /^x\/none, which provides state\.x\/v1, cannot be imported: .*not defined by "exports"/,
    );
  });

  test('a package named that is not there, or holds no components', () => {
    folder.install('plain', {});
    for (const name of ['none', './none', 'plain']) {
      expect(() => definitions({ packages: [name] })).toThrow(
        `the package ${name} is not there, or has no "outrigger" field in its package.json`,
      );
    }
  });
});

describe('the default for a block', () => {
  const manifest = (type: string, defaultFor: unknown) => ({
    outrigger: { spi: 1, components: { [`nameresolution.${type}/v1`]: '.' }, defaultFor },
  });

  test('is the one with the highest priority among what is near', () => {
    folder.file('package.json', JSON.stringify({ dependencies: { a: '*', b: '*', c: '*' } }));
    folder.install('a', manifest('a', ['nameresolution']));
    folder.install('b', manifest('b', { nameresolution: 1000 }));
    folder.install('c', manifest('c', undefined));
    expect(definitions().defaultFor('nameresolution')).toEqual({ type: 'nameresolution.b', version: 'v1' });
  });
});
