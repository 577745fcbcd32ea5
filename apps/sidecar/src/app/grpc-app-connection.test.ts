import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { selfSignedCertificate, selfSignedKey } from '../../test/self-signed.ts';
import { GrpcAppConnection } from './grpc-app-connection.ts';

/** Why a call fails of a sidecar that takes the app for one that speaks gRPC, with TLS or without. */
async function failureOf(app: Server, tls: boolean): Promise<string> {
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  const { port } = app.address() as AddressInfo;
  const connection = new GrpcAppConnection({ port, tls });
  onTestFinished(async () => {
    await connection[Symbol.asyncDispose]();
    app.close();
  });
  const call = connection.call({ path: '/a.B/C', message: Buffer.alloc(0) }, new AbortController().signal);
  const error: unknown = await call.catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'unavailable' });
  return (error as Error).message.replace(String(port), 'PORT');
}

const plain = () => createServer((_, response) => response.end());
const secure = () => createHttpsServer({ cert: selfSignedCertificate, key: selfSignedKey });

it('an app that speaks HTTP, or wants TLS, is told with the flag', async () => {
  const flag = 'if it speaks HTTP, start the sidecar with --app-protocol http, or grpcs if it wants TLS';
  expect(await failureOf(plain(), false)).toBe(
    `no connection to 127.0.0.1:PORT: it does not speak gRPC: Protocol error; ${flag}`,
  );
  expect(await failureOf(secure(), false)).toBe(
    `no connection to 127.0.0.1:PORT: it does not speak gRPC: the connection was closed; ${flag}`,
  );
});

it('an app without TLS, or that speaks HTTP over it, is told with the flag', async () => {
  expect(await failureOf(plain(), true)).toBe(
    'no connection to 127.0.0.1:PORT: it does not speak TLS: start the sidecar with --app-protocol grpc',
  );
  expect(await failureOf(secure(), true)).toBe(
    'no connection to 127.0.0.1:PORT: it speaks TLS, but no HTTP/2 over it: if it speaks HTTP/1.1, start the sidecar with --app-protocol https',
  );
});
