import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { resourcesOf, Workspace } from './processes/workspace.ts';

const token = 'a-token-that-nobody-is-to-see';
/** Of `secrets.json`; nothing here asks for it. */
const stored = 'efgh';

const segment = fc.oneof(
  fc.constantFrom(
    'v1.0',
    'v1.0-alpha1',
    'state',
    'statestore',
    'bulk',
    'transaction',
    'query',
    'publish',
    'pubsub',
    'orders',
    'invoke',
    'method',
    'bindings',
    'configuration',
    'subscribe',
    'unsubscribe',
    'lock',
    'unlock',
    'metadata',
    'healthz',
    'outbound',
    'actors',
    'workflows',
    'secrets',
    'nowhere',
    '..',
    '.',
    '%2e%2e',
    '%00',
    '%',
    '%ff',
    '||',
    '*',
    'http:',
    '',
    '~',
  ),
  fc.webSegment(),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => encodeURIComponent(text.toWellFormed())),
);
const line = (text: fc.Arbitrary<string>) => text.map((one) => one.replaceAll(/[\r\n]/g, ' '));
const headerName = fc.oneof(
  fc.constantFrom(
    'dapr-app-id',
    'traceparent',
    'baggage',
    'content-type',
    'metadata.ttlInSeconds',
    'if-match',
    'authorization',
    'te',
    'expect',
    'range',
    'x-a',
  ),
  fc.stringMatching(/^[a-z-]{1,10}$/),
);
const header = fc.tuple(headerName, line(fc.string({ unit: 'binary', maxLength: 30 })));
const body = fc.oneof(
  fc.constantFrom(
    '',
    '[]',
    '{}',
    '[{}]',
    'null',
    '[{"key":1}]',
    '[{"key":"a","value":1}]',
    '{"operations":[{}]}',
    '{"operations":1}',
    '"',
    '[[[[',
  ),
  fc.json(),
  fc.string({ unit: 'binary', maxLength: 200 }),
);
const request = fc.record({
  verb: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PURGE', 'get', 'G E T'),
  path: fc.array(segment, { maxLength: 7 }).map((segments) => `/${segments.join('/')}`),
  query: fc.oneof(
    fc.constant(''),
    fc.webQueryParameters().map((text) => `?${text}`),
  ),
  headers: fc.array(header, { maxLength: 4 }),
  body,
});

const methods = [
  'GetState',
  'GetBulkState',
  'SaveState',
  'DeleteState',
  'ExecuteStateTransaction',
  'QueryStateAlpha1',
  'PublishEvent',
  'BulkPublishEvent',
  'BulkPublishEventAlpha1',
  'InvokeService',
  'InvokeBinding',
  'GetConfiguration',
  'SubscribeConfiguration',
  'SubscribeTopicEventsAlpha1',
  'TryLockAlpha1',
  'UnlockAlpha1',
  'GetMetadata',
  'SetMetadata',
  'RegisterActorTimer',
  'StartWorkflowBeta1',
  'EncryptAlpha1',
  'Nothing',
];

describe('random requests', () => {
  const workspace = new Workspace();
  let sidecar: Sidecar;

  beforeAll(async () => {
    sidecar = await Sidecar.start({
      appId: 'target',
      resourcesPath: resourcesOf('memory'),
      env: { ...workspace.env, DAPR_API_TOKEN: token },
      args: ['--log-level', 'debug', '--enable-api-logging'],
    });
  });
  afterAll(async () => {
    await sidecar[Symbol.asyncDispose]();
    workspace[Symbol.dispose]();
  });

  async function expectWell(answers: string): Promise<void> {
    expect((await sidecar.fetch('/v1.0/healthz')).status).toBe(204);
    for (const secret of [token, stored]) {
      expect(answers).not.toContain(secret);
      expect(sidecar.output).not.toContain(secret);
    }
    expect(answers).not.toMatch(/\n\s+at .*:\d+:\d+/);
    expect(sidecar.output).not.toMatch(/level=(?:error|fatal)[^\n]*(?:TypeError|RangeError|ReferenceError|unhandled)/i);
  }

  async function raw(bytes: Buffer): Promise<string> {
    const socket = connect(sidecar.httpPort, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write(bytes);
    await once(socket, 'close');
    return Buffer.concat(chunks).toString('latin1');
  }

  it('of HTTP are all answered, tell no secret and leave the sidecar well', { timeout: 120_000 }, async () => {
    let answers = '';
    await fc.assert(
      fc.asyncProperty(request, async ({ verb, path, query, headers, body: text }) => {
        const bytes = Buffer.from(text);
        const head = [
          `${verb} ${path}${query} HTTP/1.1`,
          'host: 127.0.0.1',
          `dapr-api-token: ${token}`,
          `content-length: ${bytes.length}`,
          'connection: close',
          ...headers.map(([name, value]) => `${name}: ${value}`),
        ];
        const answer = await raw(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]));
        expect(answer).toMatch(/^HTTP\/1\.1 [1-5]\d\d /);
        answers += answer;
      }),
      { numRuns: 300 },
    );
    await expectWell(answers);
  });

  it(
    'of gRPC are all ended with a status, tell no secret and leave the sidecar well',
    { timeout: 120_000 },
    async () => {
      const session = connectHttp2(`http://127.0.0.1:${sidecar.grpcPort}`);
      session.on('error', () => {});
      let answers = '';
      const call = (method: string, message: Uint8Array, metadata: readonly (readonly [string, string])[]) =>
        new Promise<string>((resolve) => {
          const stream = session.request({
            ':method': 'POST',
            ':path': `/dapr.proto.runtime.v1.Dapr/${method}`,
            'content-type': 'application/grpc',
            te: 'trailers',
            'grpc-timeout': '5S',
            'dapr-api-token': token,
            ...Object.fromEntries(metadata),
          });
          let status: string | undefined;
          let told = '';
          const look = (fields: IncomingHttpHeaders) => {
            const { 'grpc-status': code } = fields;
            if (typeof code === 'string') status ??= code;
            told += JSON.stringify(fields);
          };
          stream.on('response', look).on('trailers', look);
          stream.on('data', (chunk: Buffer) => (told += chunk.toString('latin1')));
          stream.on('error', () => {});
          stream.on('close', () =>
            resolve(status === undefined ? `reset ${stream.rstCode}` : `status ${status} ${told}`),
          );
          const prefix = Buffer.alloc(5);
          prefix.writeUInt32BE(message.length, 1);
          stream.end(Buffer.concat([prefix, message]));
        });
      const name = fc.constantFrom(
        'dapr-app-id',
        'x-a',
        'x-a-bin',
        'traceparent',
        'grpc-trace-bin',
        'baggage',
        'grpc-encoding',
      );
      const printable = fc.stringMatching(/^[ -~]{0,20}$/).map((text) => text.trim());
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...methods),
          fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constant(Buffer.from('0a0a7374617465737461746f7265', 'hex'))),
          fc.array(fc.tuple(name, printable), { maxLength: 3 }),
          async (method, message, metadata) => {
            const answer = await call(method, message, metadata);
            expect(answer).toMatch(/^status \d+ /);
            answers += answer;
          },
        ),
        { numRuns: 300 },
      );
      session.destroy();
      await expectWell(answers);
    },
  );
});
