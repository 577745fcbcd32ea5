import { DaprDefinition } from '@outrigger/protocol/runtime';
import { expect, it } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { stream, unary } from '@outrigger/grpc';
import { unimplementedMethods } from './unimplemented.ts';

const { methods } = DaprDefinition;
const name = DaprDefinition.fullName;

it('a method whose block is missing is UNIMPLEMENTED, and the message says what is missing', async () => {
  const { call } = await serveGrpc({ services: [{ name, methods: unimplementedMethods(DaprDefinition, []) }] });
  const request = { actorType: '', actorId: '', method: '', data: Buffer.of(), metadata: {} };
  await expect(call(name, methods.invokeActor, request)).rejects.toMatchObject({
    code: 12,
    details:
      'actors are not implemented in this version of Outrigger: dapr.proto.runtime.v1.Dapr/InvokeActor was called',
  });
});

it('so is a stream', async () => {
  const { client } = await serveGrpc({ services: [{ name, methods: unimplementedMethods(DaprDefinition, []) }] });
  const identity = (bytes: Buffer) => bytes;
  const encrypting = client.makeBidiStreamRequest(`/${name}/EncryptAlpha1`, identity, identity);
  const error = await new Promise((resolve) => encrypting.on('error', resolve).resume());
  expect(error).toMatchObject({ code: 12, details: expect.stringMatching(/^cryptography is not implemented/) });
});

it('what the blocks serve is left to them', () => {
  const served = [
    unary(methods.getState, () => expect.fail()),
    stream(methods.subscribeConfiguration, () => expect.fail()),
  ];
  const rest = unimplementedMethods(DaprDefinition, served).map(({ description }) => description.name);
  expect(rest).toHaveLength(Object.keys(methods).length - 2);
  expect(rest).not.toContain('GetState');
  expect(rest).not.toContain('SubscribeConfiguration');
  expect(rest).toContain('SubscribeConfigurationAlpha1');
});
