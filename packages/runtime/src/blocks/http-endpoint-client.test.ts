import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { authority, clientCertificate, clientKey, serverCertificate, serverKey } from '../../test/certificates.ts';
import { HttpEndpointClient } from './http-endpoint-client.ts';

const never = new AbortController().signal;
const get = { verb: 'GET', path: '/x', query: '', headers: {}, body: undefined };

/** A server that takes only clients with a certificate of its authority. */
async function listen(): Promise<string> {
  const tls = { cert: serverCertificate, key: serverKey, ca: authority, requestCert: true, rejectUnauthorized: true };
  const server = createServer(tls, (_, response) => response.end('secret place'));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function call(clientTls: { rootCA?: string; certificate?: string; privateKey?: string }): Promise<string> {
  const client = new HttpEndpointClient({ baseUrl: await listen(), headers: [], clientTls });
  onTestFinished(() => client[Symbol.asyncDispose]());
  const { body } = await client.call(get, never);
  return Buffer.from(body as Uint8Array).toString();
}

it('an endpoint is called with the certificate of its clientTLS, and trusted by its rootCA', async () => {
  const clientTls = { rootCA: authority, certificate: clientCertificate, privateKey: clientKey };
  expect(await call(clientTls)).toBe('secret place');
});

it('an endpoint that no authority vouches for is not called', async () => {
  await expect(call({ certificate: clientCertificate, privateKey: clientKey })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/unable to verify the first certificate|self-signed certificate/),
  });
});

it('an endpoint that wants a certificate is an error without one', async () => {
  await expect(call({ rootCA: authority })).rejects.toMatchObject({ code: 'unavailable' });
});

it('an endpoint that never answers does not hold up the end for ever', async () => {
  const asked = Promise.withResolvers<void>();
  const server = createPlainServer(() => asked.resolve());
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new HttpEndpointClient({ baseUrl, headers: [] }, 20);
  const call = expect(client.call(get, never)).rejects.toMatchObject({ code: 'unavailable' });
  await asked.promise;
  await client[Symbol.asyncDispose]();
  await call;
});
