import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { AuthorityFiles, authorityIn, rotateRoot } from './authority-files.ts';

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-authority-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('the credentials in a folder', () => {
  it('are closed to others; a folder that was there keeps its mode', async () => {
    const folder = await emptyFolder();
    await chmod(folder, 0o755);
    await authorityIn(new AuthorityFiles(folder), 'localhost');
    await authorityIn(new AuthorityFiles(join(folder, 'made')), 'localhost');
    const modeOf = async (path: string) => (await stat(join(folder, path))).mode & 0o777;
    expect([await modeOf('.'), await modeOf('issuer.key'), await modeOf('made')]).toEqual([0o755, 0o600, 0o700]);
  });

  it('that cannot be used are told with the folder, and what to do', async () => {
    const folder = await emptyFolder();
    const files = new AuthorityFiles(folder);
    await authorityIn(files, 'localhost');
    await writeFile(join(folder, 'issuer.key'), 'none');
    await expect(authorityIn(files, 'localhost')).rejects.toThrow(
      `${folder}: the issuer's key is no private key in PEM; mend that, or remove all three files`,
    );
  });

  it('are not replaced beside roots that cannot be read', async () => {
    const folder = await emptyFolder();
    const files = new AuthorityFiles(folder);
    const { issuerKey } = await authorityIn(files, 'localhost');
    await writeFile(files.trustAnchors, 'none');
    await expect(rotateRoot(files, 'localhost')).rejects.toThrow(
      /ca\.crt: the trust anchors: .*; nothing is replaced$/,
    );
    expect(await readFile(files.trustAnchors, 'utf8')).toBe('none');
    expect(await readFile(join(folder, 'issuer.key'), 'utf8')).toBe(issuerKey);
  });
});
