import { type Metadata, status } from '@grpc/grpc-js';
import { silentLogger } from '@outrigger/core';
import { Status } from '@outrigger/protocol/rpc';
import { expect, it, vi } from 'vitest';

import { bytesMethod, metadataOf, serveGrpc, serviceOf, testService } from '@outrigger/grpc/testing';
import type { ApiAccess } from '../http/api-access.ts';
import { admission, type AdmissionOptions } from './admission.ts';
import { grpcApiLog } from './api-log.ts';
import { unary } from '@outrigger/grpc';

const get = bytesMethod('Get');
const lock = bytesMethod('Lock');
const open = bytesMethod('Open');
const nothing = Buffer.alloc(0);
const everything = { allowed: [], denied: [] };

async function serve({ access, ...options }: Omit<AdmissionOptions, 'access'> & { access: ApiAccess }) {
  const echo = (request: Buffer) => request;
  const { call, client } = await serveGrpc({
    services: [
      serviceOf(
        unary(get, echo, { name: 'state', version: 'v1' }),
        unary(lock, echo, { name: 'lock', version: 'v1alpha1' }),
        unary(open, echo),
      ),
    ],
    admit: admission({ ...options, access: () => access }),
  });
  return { client, call: (method = get, metadata = {}) => call(testService, method, nothing, metadata) };
}

it('without token and rules everybody may call everything', async () => {
  const { call } = await serve({ access: everything });
  for (const method of [get, lock, open]) await expect(call(method)).resolves.toEqual(nothing);
});

it('asks for the token, and says what is wrong as Dapr does', async () => {
  const { call } = await serve({ access: everything, apiToken: 'sesame' });
  await expect(call(get)).rejects.toMatchObject({
    code: status.UNAUTHENTICATED,
    details: 'missing api token in request metadata',
  });
  for (const wrong of ['', 'x', 'sesamex', 'Sesame']) {
    await expect(call(get, { 'dapr-api-token': wrong })).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
      details: 'authentication error: api token mismatch',
    });
  }
  await expect(call(open, { 'dapr-api-token': 'sesame' })).resolves.toEqual(nothing);
});

it('refuses what the Configuration denies or does not allow, with details', async () => {
  const rule = (name: string, version: string) => ({ name, version, protocol: 'grpc' as const });
  const denying = await serve({ access: { allowed: [], denied: [rule('state', 'v1')] } });
  const error: unknown = await denying.call(get).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: status.UNIMPLEMENTED, details: 'requested endpoint is not available' });
  const [details] = (error as { metadata: Metadata }).metadata.get('grpc-status-details-bin');
  expect(Status.decode(details as Buffer).details[0]?.typeUrl).toBe('type.googleapis.com/google.rpc.ErrorInfo');
  await expect(denying.call(lock)).resolves.toEqual(nothing);

  const allowing = await serve({ access: { allowed: [rule('state', 'v1')], denied: [] } });
  await expect(allowing.call(get)).resolves.toEqual(nothing);
  await expect(allowing.call(open)).resolves.toEqual(nothing);
  await expect(allowing.call(lock)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
});

it('answers with the trace context of the caller', async () => {
  const { client } = await serve({ access: everything });
  const identity = (message: Buffer) => message;
  const head = (metadata: Record<string, string>) =>
    new Promise<Metadata>((resolve) => {
      client
        .makeUnaryRequest(`/${testService}/Get`, identity, identity, nothing, metadataOf(metadata), () => {})
        .on('metadata', resolve);
    });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const [binary] = (await head({ traceparent })).get('grpc-trace-bin');
  expect((binary as Buffer).toString('hex')).toBe('00000af7651916cd43dd8448eb211c80319c01b7ad6b71692033310201');
  expect((await head({ traceparent: 'nonsense' })).get('grpc-trace-bin')).toEqual([]);
});

it('a line of the log says which call it was and how it ended', async () => {
  const info = vi.fn();
  const { call } = await serveGrpc({
    services: [serviceOf(unary(get, (request: Buffer) => request))],
    log: grpcApiLog({ ...silentLogger, info }),
  });
  await call(testService, get, nothing);
  expect(info).toHaveBeenCalledExactlyOnceWith('gRPC API Called', {
    code: 0,
    duration: expect.any(Number) as number,
    method: '/test.Bytes/Get',
    useragent: expect.stringContaining('grpc-node') as string,
  });
});
