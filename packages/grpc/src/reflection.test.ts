import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionV1AlphaDefinition,
} from '@outrigger/protocol/reflection';
import { expect, it } from 'vitest';

import { serveGrpc } from '../test/called.ts';
import { reflectionServices } from './reflection.ts';

const served = { name: 'dapr.proto.runtime.v1.Dapr', methods: [] };

async function reflect(
  requests: readonly Partial<ServerReflectionRequest>[],
  {
    fullName,
    methods,
  }: typeof ServerReflectionDefinition | typeof ServerReflectionV1AlphaDefinition = ServerReflectionDefinition,
): Promise<ServerReflectionResponse[]> {
  const { client } = await serveGrpc({ services: reflectionServices([served]) });
  const { name, requestType, responseType } = methods.serverReflectionInfo;
  const call = client.makeBidiStreamRequest(
    `/${fullName}/${name}`,
    (request: ServerReflectionRequest) => Buffer.from(requestType.encode(request).finish()),
    (bytes) => responseType.decode(bytes),
  );
  for (const request of requests) call.write({ host: 'here', ...request });
  call.end();
  const responses: ServerReflectionResponse[] = [];
  for await (const response of call) responses.push(response);
  return responses;
}

function fileNames(response: ServerReflectionResponse | undefined): string[] | undefined {
  return response?.fileDescriptorResponse?.fileDescriptorProto.map(
    (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
  );
}

it.each([ServerReflectionDefinition, ServerReflectionV1AlphaDefinition])(
  '$fullName lists what is served, itself too',
  async (definition) => {
    const [response] = await reflect([{ listServices: '' }], definition);
    expect(response).toMatchObject({ validHost: 'here', originalRequest: { host: 'here', listServices: '' } });
    expect(response?.listServicesResponse?.service.map(({ name }) => name)).toEqual([
      'dapr.proto.runtime.v1.Dapr',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
  },
);

it('sends the file of a symbol of any kind, and no import a second time', async () => {
  const file = 'dapr/proto/runtime/v1/lock.proto';
  const responses = await reflect([
    { fileContainingSymbol: 'dapr.proto.runtime.v1.UnlockRequest' },
    { fileContainingSymbol: 'dapr.proto.runtime.v1.UnlockRequest.lock_owner' },
    { fileContainingSymbol: 'dapr.proto.runtime.v1.UnlockResponse.Status' },
    { fileContainingSymbol: 'dapr.proto.runtime.v1.UnlockResponse.INTERNAL_ERROR' },
    { fileByFilename: file },
    { fileContainingSymbol: 'dapr.proto.runtime.v1.Dapr' },
    { fileContainingSymbol: 'dapr.proto.runtime.v1.Dapr.UnlockAlpha1' },
    { fileContainingSymbol: 'google.rpc.ErrorInfo' },
  ]);
  const files = responses.map(fileNames);
  expect(files.slice(0, 5)).toEqual([[file], [file], [file], [file], [file]]);
  expect(files[5]).toContain('dapr/proto/runtime/v1/dapr.proto');
  expect(files[5]).toContain('google/protobuf/any.proto');
  expect(files[5]).not.toContain(file);
  expect(files[6]).toEqual(['dapr/proto/runtime/v1/dapr.proto']);
  expect(files[7]).toEqual(['google/rpc/error_details.proto']);
});

it('what there is not is an error of the request, not of the stream', async () => {
  const responses = await reflect([
    { fileByFilename: 'dapr/proto/none.proto' },
    { fileContainingSymbol: 'dapr.proto.runtime.v1.Nobody' },
    { fileContainingSymbol: 'dapr.proto.runtime.v1.Dapr.Nothing' },
    { fileContainingSymbol: '' },
    { fileContainingExtension: { containingType: 'google.protobuf.Any', extensionNumber: 4 } },
    { allExtensionNumbersOfType: 'dapr.proto.Nobody' },
    {},
    { allExtensionNumbersOfType: 'google.protobuf.Any' },
  ]);
  expect(responses.map(({ errorResponse }) => errorResponse?.errorCode)).toEqual([5, 5, 5, 5, 5, 5, 3, undefined]);
  expect(responses[0]?.errorResponse?.errorMessage).toBe('file dapr/proto/none.proto is not found');
  expect(responses[7]?.allExtensionNumbersResponse).toEqual({
    baseTypeName: 'google.protobuf.Any',
    extensionNumber: [],
  });
});
