import { DaprDefinition } from '@outrigger/protocol/runtime';
import { expect, test } from 'vitest';

import { serveGrpc } from '@outrigger/grpc/testing';
import { shutdownMethods } from './grpc.ts';

const { fullName, methods } = DaprDefinition;

test('the process is asked to stop, in order or at once', async () => {
  const calls: string[] = [];
  const source = { shutdown: () => void calls.push('shutdown'), exitNow: () => void calls.push('exitNow') };
  const { call } = await serveGrpc({ services: [{ name: fullName, methods: shutdownMethods(source) }] });
  for (const force of ['', 'TRUE', 'no']) {
    const metadata = force === '' ? {} : { 'dapr-force-shutdown': force };
    expect(await call(fullName, methods.shutdown, {}, metadata)).toEqual({});
  }
  expect(calls).toEqual(['shutdown', 'exitNow', 'shutdown']);
});
