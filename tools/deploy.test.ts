import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validate } from 'dockerfile-utils';
import { loadAll } from 'js-yaml';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseFlags as parseSentryFlags } from '../apps/sentry/src/process/flags.ts';
import { parseFlags } from '../apps/sidecar/src/process/flags.ts';
import { composeProblems, manifestProblems } from './check-deployment.ts';
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

describe('the compose file', () => {
  const compose = read('docker/docker-compose.yml');
  const problemsOf = (text: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-compose-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'docker-compose.yml');
    writeFileSync(file, text);
    return composeProblems(root, file);
  };

  it('is one by the schema of the Compose specification', () => {
    expect(problemsOf(compose)).toEqual([]);
  });

  it.each([
    ['a misspelt field', 'interval: 2s', 'intervall: 2s', /healthcheck.*must NOT have additional properties/],
    ['a value of another type', 'retries: 20', 'retries: [20]', /retries/],
    [
      'a port that two services have',
      "volumes: ['redis:/data']",
      "ports: ['127.0.0.1:3500:6379']",
      /"3500" which is already used/,
    ],
  ])('would not be with %s', (_, good, bad, problem) => {
    expect(compose).toContain(good);
    expect(problemsOf(compose.replace(good, bad)).join()).toMatch(problem);
  });
});

describe('the manifests', () => {
  const files = readdirSync(join(deploy, 'kubernetes')).filter((file) => file.endsWith('.yaml'));

  it.each(files)('in %s are resources by the OpenAPI document of Kubernetes', (file) => {
    expect(manifestProblems(root, read(`kubernetes/${file}`))).toEqual([]);
  });

  it.each([
    [
      'a misspelt field',
      'failureThreshold: 60',
      'failureTreshold: 60',
      /'"failureTreshold"' does not exist in type 'V1Probe'/,
    ],
    ['a value of another type', 'replicas: 2', 'replicas: two', /"replicas": "two".*'string' is not assignable/],
    ['a field that is missing', 'containerPort: 3000', 'hostPort: 3000', /containerPort'' is missing/],
    [
      'a field in another place',
      '  clusterIP: None',
      '  clusterIP: None\n  replicas: 1',
      /'"replicas"' does not exist in type/,
    ],
    ['a kind that there is not', 'kind: ConfigMap', 'kind: ConfigMaps', /no kind v1\/ConfigMaps/],
  ])('would not be with %s', (_, good, bad, problem) => {
    const yaml = read('kubernetes/app.yaml');
    expect(yaml).toContain(good);
    expect(manifestProblems(root, yaml.replace(good, bad)).join('\n')).toMatch(problem);
  });

  const workloads = files
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
