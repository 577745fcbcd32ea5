import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { secretStoreConformance } from '@outrigger/conformance/secrets';
import definition from '@outrigger/secrets-local/file';
import { afterAll, beforeAll, describe } from 'vitest';

import { socketFolder } from './through-socket.ts';

const sockets = socketFolder();
const folder = mkdtempSync(join(tmpdir(), 'outrigger-secrets-'));
const secretsFile = join(folder, 'secrets.json');
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const multisecret = { user: 'u', password: 'p' };
  writeFileSync(secretsFile, JSON.stringify({ conftestsecret: 'abcd', secondsecret: 'efgh', multisecret }));
  await sockets.serve('files', definition);
});

describe('secretstores.local.file, served and used through a socket', () => {
  secretStoreConformance(() => sockets.open('secrets', 'files', { secretsFile, multiValued: 'true' }));
});
