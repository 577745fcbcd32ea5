import { once } from 'node:events';
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { resourcesOf, Workspace } from './processes/workspace.ts';

describe('bad requests', () => {
  const workspace = new Workspace();
  let sidecar: Sidecar;

  beforeAll(async () => {
    sidecar = await Sidecar.start({
      appId: 'target',
      resourcesPath: resourcesOf('memory'),
      env: workspace.env,
      args: ['--max-body-size', '64Ki'],
    });
  });
  afterAll(async () => {
    await sidecar[Symbol.asyncDispose]();
    workspace[Symbol.dispose]();
  });

  /** Sends bytes as they are and hands back all that comes until the sidecar hangs up. */
  async function raw(bytes: string): Promise<string> {
    const socket = connect(sidecar.httpPort, '127.0.0.1');
    await once(socket, 'connect');
    socket.end(bytes);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    await once(socket, 'close');
    return Buffer.concat(chunks).toString();
  }

  it.each([
    ['no HTTP at all', '\x00\x01\x02 nonsense\r\n\r\n'],
    ['a broken preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\nnonsense'],
    ['a header block without end', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(100_000)}`],
    [
      'two lengths',
      'POST /v1.0/state/statestore HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n[]',
    ],
    [
      'a length and chunks',
      'POST /v1.0/state/statestore HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a body that breaks off', 'POST /v1.0/state/statestore HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[{'],
    ['a NUL in the path', 'GET /v1.0/state/statestore/%00 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
    ['a bad escape', 'GET /v1.0/state/statestore/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
    ['an absolute URI', 'GET http://elsewhere/v1.0/metadata HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
    [
      'an upgrade to something unknown',
      'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: nonsense\r\n\r\n',
    ],
  ])('%s does not end the process', async (_name, bytes) => {
    await raw(bytes);
    expect((await sidecar.fetch('/v1.0/healthz')).status).toBe(204);
  });

  it.each([
    ['POST', '/v1.0/state/statestore', '{', 400, 'ERR_MALFORMED_REQUEST'],
    ['POST', '/v1.0/state/statestore', '[{"key":""}]', 400, 'ERR_MALFORMED_REQUEST'],
    ['POST', '/v1.0/state/statestore', '[{"key":"a||b","value":1}]', 400, 'ERR_MALFORMED_REQUEST'],
    ['POST', '/v1.0/state/statestore', `[{"key":"k","value":"${'x'.repeat(70_000)}"}]`, 400, 'ERR_BODY_READ'],
    [
      'POST',
      '/v1.0/state/statestore/transaction',
      '{"operations":[{"operation":"explode","request":{"key":"k"}}]}',
      400,
      'ERR_NOT_SUPPORTED_STATE_OPERATION',
    ],
    ['GET', '/v1.0/state/nowhere/k', undefined, 400, 'ERR_STATE_STORE_NOT_FOUND'],
    ['GET', '/v1.0/secrets/nowhere/k', undefined, 401, 'ERR_SECRET_STORE_NOT_FOUND'],
    ['POST', '/v1.0/publish/nowhere/t', '{}', 404, 'ERR_PUBSUB_NOT_FOUND'],
    ['POST', '/v1.0/publish/pubsub', '{}', 404, 'ERR_DIRECT_INVOKE'],
    ['POST', '/v1.0/publish/pubsub/t?metadata.rawPayload=maybe', '{}', 400, 'ERR_PUBSUB_REQUEST_METADATA'],
    [
      'POST',
      '/v1.0/publish/bulk/pubsub/t',
      '[{"entryId":"1","event":1},{"entryId":"1","event":2}]',
      400,
      'ERR_PUBSUB_EVENTS_SER',
    ],
    ['POST', '/v1.0/invoke/nobody/method/x', '{}', 500, 'ERR_DIRECT_INVOKE'],
    ['GET', '/no/such/path', undefined, 404, 'ERR_DIRECT_INVOKE'],
    ['GET', '/v1.0/healthz?appid=other', undefined, 500, 'ERR_HEALTH_APPID_NOT_MATCH'],
  ])('%s %s with %s is answered with %i %s', async (method, path, body, status, errorCode) => {
    const response = await sidecar.fetch(path, {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    });
    expect(response.status).toBe(status);
    const answer = (await response.json()) as { errorCode: string; message: string };
    expect(answer.errorCode).toBe(errorCode);
    expect(answer.message).not.toBe('');
  });
});

describe('the API token', () => {
  it('is asked for on everything but health, and never reaches the app', async () => {
    const { createServer } = await import('node:http');
    const seen: string[] = [];
    const app = createServer((request, response) => {
      seen.push(String(request.headers['dapr-api-token']));
      response.writeHead(request.url === '/hello' ? 200 : 404).end();
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    try {
      const env = { DAPR_API_TOKEN: 'into-the-sidecar', APP_API_TOKEN: 'into-the-app' };
      await using sidecar = await Sidecar.start({
        appId: 'guarded',
        appPort: (app.address() as { port: number }).port,
        env,
      });
      const refused = await sidecar.fetch('/v1.0/metadata');
      expect([refused.status, await refused.text()]).toEqual([401, 'invalid api token\n']);
      expect((await sidecar.fetch('/v1.0/healthz')).status).toBe(204);
      const accepted = await sidecar.fetch('/v1.0/invoke/guarded/method/hello', {
        headers: { 'dapr-api-token': 'into-the-sidecar' },
      });
      expect(accepted.status).toBe(200);
      expect(new Set(seen)).toEqual(new Set(['into-the-app']));
    } finally {
      app.close();
      app.closeAllConnections();
    }
  });
});
