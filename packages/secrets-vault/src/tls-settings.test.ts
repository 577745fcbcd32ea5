import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { parseMetadata, silentLogger } from '@outrigger/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vaultFields } from './fields.ts';
import { tlsSettings } from './tls-settings.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-ca-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const settings = (properties: Record<string, string>) =>
  tlsSettings(parseMetadata(vaultFields, properties).values, silentLogger);

describe('caPath', () => {
  it('can be a folder as Kubernetes mounts it: files behind links, and a link to their folder', async () => {
    const [pem = ''] = rootCertificates;
    const mount = join(folder, 'mount');
    await mkdir(join(mount, '..2026_01_01'), { recursive: true });
    await writeFile(join(mount, '..2026_01_01', 'ca.crt'), pem);
    await symlink('..2026_01_01', join(mount, '..data'));
    await symlink(join('..data', 'ca.crt'), join(mount, 'ca.crt'));
    const { ca } = await settings({ caPath: mount });
    expect(new Set(ca as readonly string[])).toEqual(new Set([pem]));
  });

  it('is refused, with its name, when there is no certificate in it', async () => {
    const empty = await mkdtemp(join(folder, 'x-'));
    const refusal = { code: 'invalid-argument', message: `caPath: there is no file in ${empty}` };
    await expect(settings({ caPath: empty })).rejects.toMatchObject(refusal);
    await writeFile(join(empty, 'notes.txt'), 'no PEM');
    await expect(settings({ caPath: empty })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`caPath: ${join(empty, 'notes.txt')} cannot be used`),
    });
  });
});
