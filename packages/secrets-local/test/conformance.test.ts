import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretStoreConformance } from '@outrigger/conformance/secrets';
import { parseMetadata, type SecretStore, silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, describe } from 'vitest';
import envDefinition from '../src/env.ts';
import fileDefinition from '../src/file.ts';

const context = {
  name: 'secrets',
  appId: 'app',
  namespace: '',
  logger: silentLogger,
  signal: new AbortController().signal,
};
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrigger-secrets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileStore(
  fileName: string,
  content: string,
  properties: Record<string, string> = {},
): Promise<SecretStore> {
  const secretsFile = join(folder, fileName);
  await writeFile(secretsFile, content);
  const { values: metadata } = parseMetadata(fileDefinition.metadata, { secretsFile, ...properties });
  return fileDefinition.create({ ...context, metadata, properties });
}

const json = JSON.stringify({
  conftestsecret: 'abcd',
  secondsecret: 'efgh',
  multisecret: { user: 'u', password: 'p' },
});

describe('secretstores.local.file on JSON', () => {
  secretStoreConformance(() => fileStore('single.json', json));
});

describe('secretstores.local.file on JSON with several values per secret', () => {
  secretStoreConformance(() => fileStore('multi.json', json, { multiValued: 'true' }));
});

describe('secretstores.local.file on a .env file', () => {
  secretStoreConformance(() => fileStore('.env', 'conftestsecret=abcd\nsecondsecret="efgh"\n'));
});

describe('secretstores.local.env', () => {
  const variables = { OUTRIGGER_CONFORMANCE_conftestsecret: 'abcd', OUTRIGGER_CONFORMANCE_secondsecret: 'efgh' };
  beforeAll(() => {
    Object.assign(process.env, variables);
  });
  afterAll(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
  secretStoreConformance(
    async () => envDefinition.create({ ...context, metadata: { prefix: 'OUTRIGGER_CONFORMANCE_' }, properties: {} }),
    { unknownName: 'empty-value' },
  );
});
