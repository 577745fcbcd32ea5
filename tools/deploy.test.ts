import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validate } from 'dockerfile-utils';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { parseFlags as parseSentryFlags } from '../apps/sentry/src/process/flags.ts';
import { parseFlags } from '../apps/sidecar/src/process/flags.ts';
import { listPackages } from './packages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const deploy = join(root, 'deploy');
const read = (path: string) => readFileSync(join(deploy, path), 'utf8');
const dockerfile = read('docker/Dockerfile');

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: string[];
}
interface Workload {
  readonly kind: string;
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: Container[]; readonly initContainers?: Container[] } };
  };
}

const documents = (path: string) => loadAll(read(path));

describe('the Dockerfile', () => {
  it('has nothing that the linter objects to', () => {
    expect(validate(dockerfile)).toEqual([]);
  });

  it('installs packages that there are, and no build runs as root in the end', () => {
    const known = listPackages(root).map(({ manifest }) => manifest.name);
    const named = [...`${dockerfile}${read('docker/docker-compose.yml')}`.matchAll(/@outrigger\/[a-z-]+/g)].map(String);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
    for (const target of ['sentry', 'sidecar']) {
      expect(dockerfile.split(new RegExp(`^FROM .* AS ${target}$`, 'm'))[1]?.split('FROM')[0]).toContain('USER node');
    }
  });
});

describe('the manifests', () => {
  const workloads = readdirSync(join(deploy, 'kubernetes'))
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => documents(`kubernetes/${file}`) as Workload[])
    .filter(({ kind }) => kind === 'Deployment');
  const containers = workloads.flatMap(({ spec: { template } }) => [
    ...(template.spec.initContainers ?? []),
    ...template.spec.containers,
  ]);

  it.each([
    ['outrigger', parseFlags],
    ['sentry', parseSentryFlags],
  ] as const)('give %s flags that it has', (name, parse) => {
    const container = containers.find((one) => one.name === name);
    expect(container?.args?.length).toBeGreaterThan(3);
    expect(() => parse(container?.args ?? [], {})).not.toThrow();
  });

  it('and the compose file name the version of each image', () => {
    const compose = documents('docker/docker-compose.yml')[0] as { services: Record<string, { image?: string }> };
    const images = [...containers, ...Object.values(compose.services)].flatMap(({ image }) => image ?? []);
    expect(images.length).toBeGreaterThan(4);
    for (const image of images) expect(image).toMatch(/:\d+\.\d+/);
  });
});
