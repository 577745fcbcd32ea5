import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { parseFlags } from './flags.ts';
import { readMtlsSection } from './mtls-section.ts';

const inKubernetes = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };

/** Reads a Configuration with this `spec.mtls`, given as JSON. */
async function configured(mtls: object) {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-sentry-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  const resource = { apiVersion: 'dapr.io/v1alpha1', kind: 'Configuration', metadata: { name: 'c' }, spec: { mtls } };
  await writeFile(file, JSON.stringify(resource));
  return readMtlsSection(file, {});
}

describe('the validators in use', () => {
  it('are insecure on a laptop and kubernetes in a pod, unless others are named', () => {
    expect(parseFlags([], {}).validators).toEqual(['insecure']);
    expect(parseFlags([], inKubernetes).validators).toEqual(['kubernetes']);
    const named = ['--token-validator', 'jwks', '--jwks-source', '/keys.json', '--token-validator', 'insecure'];
    expect(parseFlags(named, inKubernetes).validators).toEqual(['jwks', 'insecure']);
  });

  it('are jwks where that is configured, in a pod beside kubernetes', async () => {
    const section = await configured({
      tokenValidators: [{ name: 'JWKS', options: { source: 'https://keys', minRefreshInterval: '2m' } }],
    });
    expect(parseFlags([], {}, section).validators).toEqual(['jwks']);
    expect(parseFlags([], inKubernetes, section).validators).toEqual(['kubernetes', 'jwks']);
    expect(parseFlags([], {}, section).jwks).toEqual({ source: 'https://keys', minRefreshInterval: 120_000 });
    expect(parseFlags(['--jwks-source', 'https://other'], {}, section).jwks?.source).toBe('https://other');
  });
});

describe('settings of the Configuration', () => {
  it('count where no flag is given', async () => {
    const section = await configured({
      enabled: true,
      workloadCertTTL: '1h',
      allowedClockSkew: '5m',
      controlPlaneTrustDomain: 'cluster.local',
    });
    expect(parseFlags([], {}, section)).toMatchObject({
      workloadTtl: 3_600_000,
      allowedClockSkew: 300_000,
      trustDomain: 'cluster.local',
    });
    expect(parseFlags(['--workload-cert-ttl', '2h', '--trust-domain', 'own'], {}, section)).toMatchObject({
      workloadTtl: 7_200_000,
      allowedClockSkew: 300_000,
      trustDomain: 'own',
    });
    expect(parseFlags([], {})).toMatchObject({
      workloadTtl: 86_400_000,
      allowedClockSkew: 900_000,
      trustDomain: 'localhost',
    });
  });

  it.each([
    [{ workloadCertTTL: 'long' }, 'spec.mtls.workloadCertTTL: expected a duration'],
    [{ workloadCertTTL: '0s' }, 'spec.mtls.workloadCertTTL: expected a duration such as "24h", at least 1000ms'],
    [
      { tokenValidators: [{ name: 'insecure' }] },
      'insecure cannot be configured here; choose it with --token-validator',
    ],
    [{ tokenValidators: [{ name: 'ldap' }] }, 'there is no validator "ldap"; use jwks'],
    [{ tokenValidators: [{ name: 'jwks' }] }, 'spec.mtls.tokenValidators.options.source: a URL, a file'],
    [{ tokenValidators: 'jwks' }, 'spec.mtls.tokenValidators: expected a list'],
  ])('that are wrong are told with file and field: %j', async (mtls, message) => {
    await expect(configured(mtls)).rejects.toThrow(message);
  });
});
