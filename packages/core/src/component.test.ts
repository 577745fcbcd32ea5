import { describe, expect, expectTypeOf, it } from 'vitest';
import { type ComponentDefinition, defineComponent, isComponentDefinition } from './component.ts';
import { silentLogger } from './logger.ts';
import { field, parseMetadata } from './metadata.ts';
import type { SecretStore } from './secrets.ts';

const upper = defineComponent({
  kind: 'secrets',
  type: 'secretstores.upper',
  version: 'v1',
  metadata: {
    prefix: field.text({ description: 'Put before every value', default: '' }),
    token: field.text({ description: 'A token', required: true, secret: true }),
    limit: field.integer({ description: 'A limit' }),
  },
  create: async ({ metadata }): Promise<SecretStore> => {
    expectTypeOf(metadata.prefix).toEqualTypeOf<string>();
    expectTypeOf(metadata.token).toEqualTypeOf<string>();
    expectTypeOf(metadata.limit).toEqualTypeOf<number | undefined>();
    return {
      features: [],
      get: async ({ name }) => ({ [name]: metadata.prefix + name.toUpperCase() }),
      [Symbol.asyncDispose]: async () => {},
    };
  },
});

describe('defineComponent', () => {
  it('gives back what the engine needs, as plain frozen data', () => {
    expect(upper).toMatchObject({ kind: 'secrets', type: 'secretstores.upper', version: 'v1' });
    expect(Object.isFrozen(upper)).toBe(true);
  });

  it('hands create the metadata as the definition types it', async () => {
    const { values: metadata, problems } = parseMetadata(upper.metadata, { TOKEN: 't', prefix: '>' });
    expect(problems).toEqual([]);
    const { signal } = new AbortController();
    const context = {
      name: 'vault',
      metadata,
      properties: {},
      appId: 'app',
      namespace: '',
      logger: silentLogger,
      signal,
    };
    await using store = await upper.create(context);
    expect(await store.get({ name: 'a' }, signal)).toEqual({ a: '>A' });
  });

  it('holds create to the contract of its kind', () => {
    const broken = defineComponent({
      kind: 'secrets',
      type: 'secretstores.broken',
      version: 'v1',
      metadata: {},
      // @ts-expect-error a secret store needs get
      create: async () => ({ features: [], [Symbol.asyncDispose]: async () => {} }),
    });
    expectTypeOf(broken.kind).toEqualTypeOf<'secrets'>();
  });

  it('makes something that the engine can hold without knowing its fields', () => {
    const definitions: readonly ComponentDefinition[] = [upper];
    expect(definitions.map(({ type }) => type)).toEqual(['secretstores.upper']);
  });
});

describe('isComponentDefinition', () => {
  it('recognises a definition that another copy of this package has made', async () => {
    const other = (await import(/* @vite-ignore */ `./${'component.ts'}?another-copy`)) as {
      defineComponent: typeof defineComponent;
    };
    const definition = other.defineComponent({
      kind: 'secrets',
      type: 'secretstores.other',
      version: 'v1',
      metadata: {},
      create: () => Promise.reject(new Error('not needed here')),
    });
    expect(other.defineComponent).not.toBe(defineComponent);
    expect(isComponentDefinition(definition)).toBe(true);
  });

  it.each([undefined, null, 'secrets', {}, { kind: 'secrets', type: 'a', version: 'v1', metadata: {} }])(
    'refuses %j, which defineComponent has not made',
    (value) => {
      expect(isComponentDefinition(value)).toBe(false);
    },
  );
});
