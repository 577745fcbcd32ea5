import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Logger, silentLogger } from '@outrigger/core';
import { describe, expect, it, onTestFinished } from 'vitest';

import { TestAuthority } from '../test/testing.ts';
import { fixedTrustAnchors, trustAnchorsFile } from './trust-anchors.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'outrigger-anchors-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe('trust anchors', () => {
  it('are all certificates of a text, whatever is around them', async () => {
    const [one, two] = await Promise.all([TestAuthority.create(), TestAuthority.create()]);
    const { pem } = fixedTrustAnchors(`# old\n${one.root}\n# new\n${two.root}`, 'the test');
    expect(pem).toBe(`${one.root.trim()}\n${two.root.trim()}\n`);
  });

  it('that are none are an error that says where', async () => {
    expect(() => fixedTrustAnchors('nothing', 'the variable X')).toThrow('the variable X holds no trust anchor');
    const { cert } = await (await TestAuthority.create()).issue({ uris: ['spiffe://td/x'] });
    expect(() => fixedTrustAnchors(cert, 'the variable X')).toThrow('no authority');
  });

  it('in a file are followed when it is replaced as Kubernetes does it, and stay when it is damaged', async () => {
    const [one, two] = await Promise.all([TestAuthority.create(), TestAuthority.create()]);
    const path = folder();
    const put = (name: string, text: string): void => {
      writeFileSync(join(path, name), text);
      symlinkSync(name, join(path, 'next'));
      renameSync(join(path, 'next'), join(path, 'ca.crt'));
    };
    put('1', one.root);
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (text) => void warnings.push(text) };
    await using anchors = await trustAnchorsFile(join(path, 'ca.crt'), logger, 20);
    let changes = 0;
    anchors.onChange(() => {
      throw new Error('one that cannot use them');
    });
    anchors.onChange(() => changes++);
    expect(anchors.pem).toContain(one.root.trim());
    put('2', one.root + two.root);
    await expect.poll(() => anchors.pem).toContain(two.root.trim());
    expect(anchors.pem).toContain(one.root.trim());
    put('3', 'damaged');
    await expect.poll(() => warnings).toHaveLength(1);
    expect(anchors.pem).toContain(two.root.trim());
    expect(changes).toBe(1);
  });
});
