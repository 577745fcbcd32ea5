import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { CommunicationProtocolEnum, DaprClient, LogLevel } from '@dapr/dapr';
import { afterAll, describe, expect, it } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { Workspace } from './processes/workspace.ts';

const secrets = {
  fromStore: 'S3cret from the store',
  fromEnvironment: 'S3cret/of+the&environment',
  inYaml: 'S3cret-in-"YAML"',
  inUrl: 's3cretInTheUrl',
  token: 'S3cret-token-of-the-API',
  key: 'a1b2c3d4'.repeat(8),
};

/** A component that shows all it was given wherever it can, and breaks in every way there is. */
const talkative = `
const type = { typeName: 'text', jsonSchema: {}, parse: (text) => text, show: String, description: 'x' };
const fields = { one: type, two: { ...type, secret: true }, three: { ...type, secret: true }, url: type };
export default {
  kind: 'state', type: 'state.talkative', version: 'v1', metadata: fields,
  [Symbol.for('outrigger.ComponentDefinition')]: 1,
  create: async ({ metadata, properties, logger, name }) => {
    const all = Object.values(metadata).join(' | ') + JSON.stringify(properties);
    const broken = () => Object.assign(new Error('broken: ' + all, { cause: new Error(all) }), { all });
    for (const level of ['debug', 'info', 'warn', 'error']) logger[level]('with ' + all, { all, error: broken() });
    if (name === 'unreachable') throw broken();
    return {
      features: [], all,
      get: async ({ key }) => {
        if (key.endsWith('uncaught')) setImmediate(() => { throw broken(); });
        if (key.endsWith('unhandled')) void Promise.reject(broken());
        throw broken();
      },
      getMany: async (requests) => requests.map(() => ({ ok: false, error: broken() })),
      set: async () => { throw broken(); },
      delete: async () => { throw broken(); },
      transact: async () => { throw broken(); },
      query: async () => { throw broken(); },
      [Symbol.asyncDispose]: async () => { throw broken(); },
    };
  },
};
`;

const component = (name: string, more = '') => `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: ${name}}
spec:
  type: state.talkative
  version: v1
  ${more}
  metadata:
    - {name: one, secretKeyRef: {name: login, key: login}}
    - {name: two, envRef: OF_THE_ENVIRONMENT}
    - {name: three, value: '${secrets.inYaml}'}
    - {name: url, value: "db://me:${secrets.inUrl}@host/db"}
    - {name: primaryEncryptionKey, secretKeyRef: {name: key, key: key}}
auth: {secretStore: vault}
---
`;

describe('secrets', () => {
  const workspace = new Workspace();
  afterAll(() => workspace[Symbol.dispose]());

  it('stand in no log, no answer, no metadata and no crash report', { timeout: 120_000 }, async () => {
    const module = join(workspace.path, 'node_modules', 'talkative');
    mkdirSync(module, { recursive: true });
    mkdirSync(join(workspace.path, 'resources'));
    mkdirSync(join(workspace.path, 'reports'));
    workspace.file('package.json', '{ "name": "theirs", "private": true }');
    workspace.file('node_modules/talkative/index.js', talkative);
    workspace.file(
      'node_modules/talkative/package.json',
      JSON.stringify({
        name: 'talkative',
        version: '1.0.0',
        type: 'module',
        exports: './index.js',
        outrigger: { spi: 1, components: { 'state.talkative/v1': '.' } },
      }),
    );
    const file = workspace.file('vault.json', JSON.stringify({ login: secrets.fromStore, key: secrets.key }));
    workspace.file(
      'resources/all.yaml',
      `${component('store')}${component('unreachable', 'ignoreErrors: true')}apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: vault}
spec:
  type: secretstores.local.file
  version: v1
  metadata: [{name: secretsFile, value: "${file}"}]
`,
    );
    const seen: string[] = [];
    const see = async (answer: Response): Promise<void> => {
      const text = await answer.text();
      expect(`${answer.status} ${text}`).toMatch(/broken|components/);
      seen.push(text, JSON.stringify([...answer.headers]));
    };
    await using sidecar = await Sidecar.start({
      appId: 'theirs',
      resourcesPath: join(workspace.path, 'resources'),
      cwd: workspace.path,
      args: ['--log-level', 'debug', '--enable-api-logging'],
      env: {
        OF_THE_ENVIRONMENT: secrets.fromEnvironment,
        DAPR_API_TOKEN: secrets.token,
        NODE_OPTIONS: `--report-on-fatalerror --report-uncaught-exception --report-on-signal --report-signal=SIGUSR2 --report-directory=${join(workspace.path, 'reports')}`,
      },
    });
    const headers = { 'dapr-api-token': secrets.token, 'content-type': 'application/json' };
    const post = (path: string, body: unknown) =>
      sidecar.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    const item = { key: 'k', value: 1 };
    for (const key of ['k', 'uncaught', 'unhandled'])
      await see(await sidecar.fetch(`/v1.0/state/store/${key}`, { headers }));
    await see(await post('/v1.0/state/store', [item]));
    await see(await post('/v1.0/state/store', [item, { ...item, key: 'l' }]));
    await see(await post('/v1.0/state/store/bulk', { keys: ['k', 'l'] }));
    await see(await post('/v1.0/state/store/transaction', { operations: [{ operation: 'upsert', request: item }] }));
    await see(await sidecar.fetch('/v1.0/state/store/k', { method: 'DELETE', headers }));
    await see(await sidecar.fetch('/v1.0/metadata', { headers }));

    const client = new DaprClient({
      daprHost: '127.0.0.1',
      daprPort: String(sidecar.grpcPort),
      daprApiToken: secrets.token,
      communicationProtocol: CommunicationProtocolEnum.GRPC,
      logger: { level: LogLevel.Error },
    });
    for (const call of [
      client.state.get('store', 'k'),
      client.state.transaction('store', [{ operation: 'upsert', request: { key: 'k', value: '1' } }]),
    ]) {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason as Error,
      );
      expect(error?.message).toContain('broken');
      seen.push(String(error?.message), JSON.stringify(error));
    }
    seen.push(JSON.stringify(await client.state.getBulk('store', ['k'])));
    await client.stop();

    process.kill(sidecar.pid, 'SIGUSR2');
    await expect.poll(() => readdirSync(join(workspace.path, 'reports'))).not.toEqual([]);
    await sidecar.stop();
    for (const name of readdirSync(join(workspace.path, 'reports'))) {
      const report = readFileSync(join(workspace.path, 'reports', name), 'utf8');
      expect(report).toContain('nodejsVersion');
      seen.push(report);
    }
    expect(sidecar.output).toContain('unexpected error: Error: broken: ***');
    seen.push(sidecar.output);
    const all = seen.join('\n');
    for (const [name, secret] of Object.entries(secrets)) {
      const forms = [
        secret,
        JSON.stringify(secret).slice(1, -1),
        encodeURIComponent(secret),
        Buffer.from(secret).toString('base64'),
      ];
      expect(
        forms.filter((form) => all.includes(form)),
        name,
      ).toEqual([]);
    }
  });
});
