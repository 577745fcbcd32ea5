import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindingsConformance } from '@outrigger/conformance/bindings';
import { parseMetadata, silentLogger } from '@outrigger/core';
import { afterAll } from 'vitest';
import definition from '../src/index.ts';

const { signal } = new AbortController();
const rootPath = mkdtempSync(join(tmpdir(), 'outrigger-files-'));
afterAll(() => rmSync(rootPath, { recursive: true }));

bindingsConformance(
  () =>
    definition.create({
      name: 'files',
      metadata: parseMetadata(definition.metadata, { rootPath }).values,
      properties: { rootPath },
      appId: 'app',
      namespace: '',
      logger: silentLogger,
      signal,
    }),
  { address: (fileName) => ({ fileName }), absence: 'error' },
);
