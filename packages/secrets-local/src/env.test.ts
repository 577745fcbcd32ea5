import { type Logger, parseMetadata, silentLogger } from '@outrigger/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import definition from './env.ts';

const signal = new AbortController().signal;

afterEach(() => {
  vi.unstubAllEnvs();
});

function open(properties: Record<string, string> = {}, logger: Logger = silentLogger) {
  const { values: metadata } = parseMetadata(definition.metadata, properties);
  return definition.create({ name: 'env', metadata, properties, appId: 'app', namespace: '', logger, signal });
}

describe('secretstores.local.env', () => {
  it('answers a variable as it is now, and an empty value for one that is not set', async () => {
    const store = await open();
    expect(await store.get({ name: 'SECRETS_LOCAL_TEST_TOKEN' }, signal)).toEqual({ SECRETS_LOCAL_TEST_TOKEN: '' });
    vi.stubEnv('SECRETS_LOCAL_TEST_TOKEN', 'abc');
    expect(await store.get({ name: 'SECRETS_LOCAL_TEST_TOKEN' }, signal)).toEqual({ SECRETS_LOCAL_TEST_TOKEN: 'abc' });
  });

  it('puts the prefix before names and takes it off in the list', async () => {
    vi.stubEnv('SECRETS_LOCAL_TEST_TOKEN', 'abc');
    vi.stubEnv('SECRETS_LOCAL_TEST_', 'nameless');
    const store = await open({ prefix: 'SECRETS_LOCAL_TEST_' });
    expect(await store.get({ name: 'TOKEN' }, signal)).toEqual({ TOKEN: 'abc' });
    expect(await store.getAll?.({}, signal)).toEqual({ TOKEN: { TOKEN: 'abc' } });
  });

  it.each(['APP_API_TOKEN', 'DAPR_API_TOKEN', 'dapr_anything'])('never gives out %s', async (variable) => {
    vi.stubEnv(variable, 'hunter2');
    const warn = vi.fn<Logger['warn']>();
    const store = await open({}, { ...silentLogger, warn });
    expect(await store.get({ name: variable }, signal)).toEqual({ [variable]: '' });
    expect(warn).toHaveBeenCalledOnce();
    expect(JSON.stringify(warn.mock.calls)).not.toContain('hunter2');
    expect(await store.getAll?.({}, signal)).not.toHaveProperty(variable);
  });

  it('is not talked into giving out a blocked variable by a name that ends early for the system', async () => {
    vi.stubEnv('APP_API_TOKEN', 'hunter2');
    const store = await open();
    const name = 'APP_API_TOKEN\0x';
    expect(await store.get({ name }, signal)).toEqual({ [name]: '' });
  });

  it('is not talked into giving out a blocked variable by a prefix', async () => {
    vi.stubEnv('DAPR_API_TOKEN', 'hunter2');
    const store = await open({ prefix: 'DAPR_' });
    expect(await store.get({ name: 'API_TOKEN' }, signal)).toEqual({ API_TOKEN: '' });
    expect(await store.getAll?.({}, signal)).toEqual({});
  });
});
