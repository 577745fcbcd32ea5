import { defineComponent, field } from '@outrigger/core';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { componentYaml } from './component-yaml.ts';

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

describe('the resource that components add writes', () => {
  it('has the values, secrets from a store, and the other fields as comments', () => {
    const { text, name, open } = componentYaml(definition, undefined, new Map([['ADDRESS', 'localhost:1']]));
    expect({ name, open }).toEqual({ name: 'statestore', open: ['password'] });
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
    const write = (name: string | undefined, field: string, value: string) => () =>
      componentYaml(definition, name, new Map([[field, value]]));
    expect(write(undefined, 'hots', 'x')).toThrow('state.example has no field "hots"; did you mean host?');
    expect(write(undefined, 'timeout', 'soon')).toThrow(/^--metadata timeout: /);
    expect(write('My Store', 'host', 'x')).toThrow('--name is "My Store"');
  });
});
