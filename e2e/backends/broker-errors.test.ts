import { describe, expect, it } from 'vitest';

import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';

type Metadata = Readonly<Record<string, string>>;

interface BrokerErrors {
  readonly type: string;
  /** A component whose server nothing listens for. */
  readonly down: (port: number) => Metadata;
  /** The field that says where the server is. */
  readonly addressField: string;
  /** With a login that the server refuses; absent where the server that runs here takes any. */
  readonly wrongLogin?: { readonly metadata: () => Metadata; readonly names: readonly string[] };
}

/** One row for each broker; what is expected is the same for all. */
const brokers: readonly BrokerErrors[] = [
  {
    type: 'pubsub.redis',
    down: (port) => ({ redisHost: `127.0.0.1:${port}` }),
    addressField: 'redisHost',
    wrongLogin: {
      metadata: () => ({
        redisHost: process.env['OUTRIGGER_TEST_REDIS'] ?? '',
        redisUsername: 'nobody',
        redisPassword: 'not-the-secret',
      }),
      names: ['redisPassword'],
    },
  },
  {
    type: 'pubsub.kafka',
    down: (port) => ({ brokers: `127.0.0.1:${port}`, authType: 'none' }),
    addressField: 'brokers',
    wrongLogin: {
      metadata: () => ({
        brokers: process.env['OUTRIGGER_TEST_KAFKA_SASL'] ?? '',
        authType: 'password',
        saslUsername: 'nobody',
        saslPassword: 'not-the-secret',
        disableTls: 'true',
      }),
      names: ['saslUsername', 'saslPassword'],
    },
  },
  {
    type: 'pubsub.rabbitmq',
    down: (port) => ({ connectionString: `amqp://guest:guest@127.0.0.1:${port}` }),
    addressField: 'connectionString',
    wrongLogin: {
      metadata: () => ({
        connectionString: `amqp://guest:not-the-secret@${process.env['OUTRIGGER_TEST_RABBITMQ'] ?? ''}`,
      }),
      names: ['connectionString'],
    },
  },
  {
    type: 'pubsub.pulsar',
    down: (port) => ({ host: `http://127.0.0.1:${port}` }),
    addressField: 'host',
  },
  {
    type: 'pubsub.aws.snssqs',
    down: (port) => ({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      accessKey: 'test',
      secretKey: 'not-the-secret',
    }),
    addressField: 'endpoint',
  },
];

function component(name: string, type: string, metadata: Metadata, spec = ''): string {
  const fields = Object.entries(metadata).map(
    ([field, value]) => `    - name: ${field}\n      value: ${JSON.stringify(value)}\n`,
  );
  return `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: ${name}
spec:
  type: ${type}
  version: v1
${spec}  metadata:
${fields.join('')}`;
}

/** Starts a sidecar that cannot start, and hands back what it said, quotes unescaped. */
async function failedStart(yaml: string): Promise<string> {
  using workspace = new Workspace();
  workspace.file('resource.yaml', yaml);
  await using sidecar = await Sidecar.launch({ appId: 'failing', resourcesPath: workspace.path });
  expect(await sidecar.exited).toEqual({ code: 1, signal: null });
  expect(sidecar.output).not.toMatch(/^\s+at /m);
  return sidecar.output.replaceAll('\\"', '"');
}

describe.each(brokers)('$type', ({ type, down, addressField, wrongLogin }) => {
  it('that is down stops the start, with the component, the file and the field that says where it is', async () => {
    const [port = 0] = await freePorts(1);
    const output = await failedStart(component('orders-broker', type, down(port)));
    for (const part of ['resource.yaml', 'orders-broker', addressField, String(port)]) expect(output).toContain(part);
    expect(output).not.toContain('not-the-secret');
  });

  it('that is down with ignoreErrors loses that component alone, and publishing to it says so', async () => {
    using workspace = new Workspace();
    const [port = 0] = await freePorts(1);
    workspace.file('broker.yaml', component('orders-broker', type, down(port), '  ignoreErrors: true\n'));
    workspace.file(
      'store.yaml',
      component('store', 'state.in-memory', { comment: 'none' }).replace(/ {4}- .*\n.*\n/, ''),
    );
    await using sidecar = await Sidecar.start({ appId: 'tolerant', resourcesPath: workspace.path });
    expect(sidecar.output).toContain('orders-broker');
    expect((await sidecar.post('/v1.0/state/store', [{ key: 'k', value: 1 }])).status).toBe(204);
    const answer = await sidecar.post('/v1.0/publish/orders-broker/orders', { n: 1 });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ errorCode: 'ERR_PUBSUB_NOT_FOUND' });
  });

  it.skipIf(wrongLogin === undefined)('with a wrong login names the fields and keeps the secret', async () => {
    // servers take their time to refuse, and a busy machine to hear of it
    const yaml = component('orders-broker', type, wrongLogin?.metadata() ?? {}, '  initTimeout: 30s\n');
    const output = await failedStart(yaml);
    for (const part of ['resource.yaml', 'orders-broker', ...(wrongLogin?.names ?? [])]) expect(output).toContain(part);
    expect(output).not.toContain('not-the-secret');
  });

  it('with a misspelt metadata name is told which name was meant', async () => {
    using workspace = new Workspace();
    const metadata = { ...down(1), consumerld: 'x' };
    workspace.file('resource.yaml', component('orders-broker', type, metadata));
    await using sidecar = await Sidecar.launch({ appId: 'failing', resourcesPath: workspace.path });
    await sidecar.line(/consumerld.*consumerID/);
    expect(sidecar.output).toMatch(/resource\.yaml:\d+/);
  });
});
