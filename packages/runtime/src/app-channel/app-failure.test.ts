import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';

import { silentLogger } from '@outrigger/core';
import { expect, it, onTestFinished } from 'vitest';

import { serverCertificate, serverKey } from '../../test/certificates.ts';
import { HttpAppChannel } from './http.ts';
import type { HttpAppProtocol } from './http-client.ts';

const answer: RequestListener = (_, response) => response.end();
const tls = { cert: serverCertificate, key: serverKey };

/** How a call ends of a sidecar that takes the app for one of `protocol`. */
async function failureOf(app: Server, protocol: HttpAppProtocol): Promise<string> {
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  const { port } = app.address() as AddressInfo;
  const channel = new HttpAppChannel({ appId: 'app', port, protocol, logger: silentLogger });
  onTestFinished(async () => {
    await channel[Symbol.asyncDispose]();
    app.close();
  });
  const request = { verb: 'GET', path: '/', query: '', headers: {}, body: undefined };
  const error: unknown = await channel.invoke(request, new AbortController().signal).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Error);
  return (error as Error).message.replace(String(port), 'PORT');
}

const failed = 'calling the app at 127.0.0.1:PORT failed: ';

it('an app that speaks gRPC, called over HTTP, is told from one that fails', async () => {
  const flag = 'start the sidecar with --app-protocol grpc';
  expect(await failureOf(createHttp2Server(), 'http')).toBe(
    `${failed}it does not answer in HTTP/1.1: if it speaks gRPC, ${flag}`,
  );
});

it('an app without TLS, called over https, gets the flag', async () => {
  expect(await failureOf(createServer(answer), 'https')).toBe(
    `${failed}it does not speak TLS: start the sidecar with --app-protocol http`,
  );
});

it('an app that speaks HTTP/1.1, called over h2c, gets the flag', async () => {
  expect(await failureOf(createServer(answer), 'h2c')).toBe(
    `${failed}it does not answer in HTTP/2 (Protocol error): if it speaks HTTP/1.1, start the sidecar with --app-protocol http`,
  );
});

it('an app with TLS that has nothing in common is told in words', async () => {
  const app = createHttpsServer({ ...tls, ALPNProtocols: ['h2'] }, answer);
  expect(await failureOf(app, 'https')).toBe(
    `${failed}it speaks TLS, but no HTTP/1.1 over it: if it speaks gRPC, start the sidecar with --app-protocol grpcs`,
  );
  const old = createHttpsServer({ ...tls, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' }, answer);
  expect(await failureOf(old, 'https')).toMatch(/failed: TLS was not set up: [\w ]+$/);
});
