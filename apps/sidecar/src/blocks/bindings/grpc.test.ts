import { DaprDefinition, type InvokeBindingRequest } from '@outrigger/protocol/runtime';
import { expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { echoBindings } from '../../../test/echo-bindings.ts';
import { bindingMethods } from './grpc.ts';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const internal = 13;
const invalidArgument = 3;

async function api() {
  const { bindings, requests } = echoBindings();
  const { call, client } = await serveGrpc({
    services: [{ name: DaprDefinition.fullName, methods: bindingMethods(bindings) }],
  });
  const invoke = (request: Partial<InvokeBindingRequest>, metadata: Record<string, string | Buffer> = {}) =>
    call(
      DaprDefinition.fullName,
      DaprDefinition.methods.invokeBinding,
      { name: 'echo', operation: 'create', data: Buffer.alloc(0), metadata: {}, ...request },
      metadata,
    );
  /** The headers ahead of the answer, also ahead of an error. */
  const headersOf = (operation: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const { requestType } = DaprDefinition.methods.invokeBinding;
      const request = { name: 'echo', operation, data: Buffer.from('x'), metadata: {} };
      client
        .makeUnaryRequest(
          `/${DaprDefinition.fullName}/InvokeBinding`,
          (message: typeof request) => Buffer.from(requestType.encode(message).finish()),
          (bytes) => bytes,
          request,
          () => {},
        )
        .on('metadata', (metadata) => resolve(metadata.getMap()));
    });
  return { invoke, headersOf, requests };
}

test('bytes and metadata go there and back as they are', async () => {
  const { invoke, requests } = await api();
  const data = Buffer.from([0, 255, 34]);
  const answer = await invoke({ data, metadata: { key: 'k' } });
  expect(requests).toMatchObject([{ operation: 'create', metadata: { key: 'k' } }]);
  expect(Buffer.from(answer.data)).toEqual(data);
  expect(answer.metadata).toMatchObject({ status: '200 OK', 'X-Break': 'a\nb' });
  expect((await invoke({ operation: 'delete' })).data).toHaveLength(0);
});

test("the caller's trace goes into the metadata, and nothing else of the call does", async () => {
  const { invoke, requests } = await api();
  await invoke({ metadata: { key: 'k' } }, { traceparent, tracestate: 'a=b', baggage: 'c=d', 'x-own': 'e' });
  expect(requests[0]?.metadata).toEqual({ key: 'k', traceparent, tracestate: 'a=b', baggage: 'c=d' });
  const binary = Buffer.from('00000af7651916cd43dd8448eb211c80319c01b7ad6b71692033310201', 'hex');
  await invoke({}, { 'grpc-trace-bin': binary });
  expect(requests[1]?.metadata).toEqual({ traceparent });
  await invoke({}, { traceparent: 'nonsense', tracestate: 'a=b' });
  expect(requests[2]?.metadata).toEqual({});
});

test('failures have their status', async () => {
  const { invoke } = await api();
  await expect(invoke({ name: 'none' })).rejects.toMatchObject({
    code: internal,
    details: "error invoking output binding none: couldn't find output binding none",
  });
  await expect(invoke({ operation: 'get' })).rejects.toMatchObject({ code: internal });
  await expect(invoke({}, { baggage: 'no value' })).rejects.toMatchObject({ code: invalidArgument });
});

test('response metadata are headers too, which an error has as well', async () => {
  const { headersOf } = await api();
  expect(await headersOf('create')).toMatchObject({ 'metadata.status': '200 OK', 'metadata.x-break': 'a%0Ab' });
  expect(await headersOf('get')).toMatchObject({ 'metadata.statuscode': '404', 'metadata.x-why': 'gone%E2%9C%93' });
});
