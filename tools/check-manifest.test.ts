import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkManifest } from './check-manifest.ts';
import { listPackages, type Manifest } from './packages.ts';

const good = {
  name: '@outrigger/store',
  repository: { type: 'git', url: 'git+https://github.com/outrigger/outrigger.git', directory: 'packages/store' },
  publishConfig: { access: 'public', provenance: true },
  exports: { '.': './dist/index.js' },
  outrigger: { spi: 1, components: { 'state.store/v1': '.' } },
};

/** Of a package that differs from a good one in these fields. */
function check(change: Partial<Manifest> = {}): string[] {
  const root = mkdtempSync(join(tmpdir(), 'outrigger-manifest-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const folder = 'packages/store';
  mkdirSync(join(root, folder), { recursive: true });
  for (const file of ['LICENSE', `${folder}/LICENSE`]) writeFileSync(join(root, file), 'free');
  return checkManifest(root, { folder, manifest: { ...good, ...change } });
}

describe('the manifest of a package', () => {
  it('is fine as all of them are here', () => {
    expect(check()).toEqual([]);
    const root = fileURLToPath(new URL('..', import.meta.url));
    expect(listPackages(root).flatMap((one) => checkManifest(root, one))).toEqual([]);
  });

  it('says where a public one is published from, and that anybody may see and have it', () => {
    expect(check({ publishConfig: { access: 'public' } })).toEqual([
      'packages/store: "publishConfig" has no "provenance": true; nobody could see from which commit it was built',
    ]);
    expect(check({ publishConfig: { provenance: true } })).toEqual([
      'packages/store: "publishConfig" has no "access": "public"; npm keeps it private',
    ]);
    const elsewhere = { ...good.repository, directory: 'packages/other' };
    expect(check({ repository: elsewhere })).toEqual([
      expect.stringMatching(/"repository" has to be .*"directory":"packages\/store"}, or npm refuses its provenance$/),
    ]);
    expect(check({ private: true, publishConfig: {} })).toEqual([]);
  });

  it('names component types only where they can be imported', () => {
    expect(check({ outrigger: { spi: 1, components: { 'state.store/v1': './absent' } } })).toEqual([
      'packages/store: "outrigger.components" has state.store/v1 in "./absent", which "exports" lacks',
    ]);
  });
});
