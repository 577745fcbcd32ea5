import { defineComponent, field } from '@outrigger/core';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { type ComponentWishes, componentYaml } from './component-yaml.ts';

const definition = defineComponent({
  kind: 'state',
  type: 'state.example',
  version: 'v1',
  metadata: {
    host: field.text({ description: 'Host and port', required: true, aliases: ['address'] }),
    password: field.text({ description: 'Password', secret: true, required: true }),
    timeout: field.duration({ description: 'How long to wait', default: 5000 }),
  },
  create: () => {
    throw new Error('nobody starts it');
  },
});

const write = (wishes: Partial<ComponentWishes>) =>
  componentYaml(definition, { values: new Map(), secrets: new Map(), secretStore: 'secretstore', ...wishes });

describe('the resource that components add writes', () => {
  it('has the values, secrets from a store, and the other fields as comments', () => {
    const { text, ...about } = write({ values: new Map([['ADDRESS', 'localhost:1']]) });
    expect(about).toEqual({ name: 'statestore', open: ['password'], shown: [] });
    expect(load(text)).toEqual({
      apiVersion: 'dapr.io/v1alpha1',
      kind: 'Component',
      metadata: { name: 'statestore' },
      spec: {
        type: 'state.example',
        version: 'v1',
        metadata: [
          { name: 'host', value: 'localhost:1' },
          { name: 'password', secretKeyRef: { name: 'statestore-password', key: 'statestore-password' } },
        ],
      },
      auth: { secretStore: 'secretstore' },
    });
    expect(text).toContain('    # How long to wait\n    # - name: timeout\n    #   value: "5s"\n');
  });

  it('is not written with a field, a value or a name that cannot be', () => {
    const writing = (wishes: Partial<ComponentWishes>) => () => write(wishes);
    expect(writing({ values: new Map([['hots', 'x']]) })).toThrow(
      '--metadata: state.example has no field "hots"; did you mean host?',
    );
    expect(writing({ values: new Map([['timeout', 'soon']]) })).toThrow(/^--metadata timeout: /);
    expect(writing({ name: 'My Store' })).toThrow('--name is "My Store"');
    const both = { values: new Map([['password', 'x']]), secrets: new Map([['PASSWORD', 'x']]) };
    expect(writing(both)).toThrow('password has a --metadata and a --secret');
  });

  it('names the secret and its store, and tells of a secret that stands in the open', () => {
    const { text, open, shown } = write({ secrets: new Map([['password', 'db/pass']]), secretStore: 'vault' });
    expect({ open, shown }).toEqual({ open: ['host'], shown: [] });
    expect(load(text)).toMatchObject({
      spec: {
        metadata: [
          { name: 'host', value: '' },
          { name: 'password', secretKeyRef: { name: 'db', key: 'pass' } },
        ],
      },
      auth: { secretStore: 'vault' },
    });
    const inTheOpen = write({ values: new Map([['password', 'x']]) });
    expect(inTheOpen.shown).toEqual(['password']);
    expect(load(inTheOpen.text)).not.toHaveProperty('auth');
  });
});
