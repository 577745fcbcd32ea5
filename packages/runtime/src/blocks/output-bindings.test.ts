import { type Bindings, ComponentError, policy, retry } from '@outrigger/core';
import { expect, test } from 'vitest';

import { OutputBindingsBlock } from './output-bindings.ts';

const own = { [Symbol.asyncDispose]: async () => {} };

function output(invoke: NonNullable<Bindings['invoke']>): Bindings {
  return { operations: ['create'], invoke, ...own };
}

const request = { name: 'one', operation: 'create' };

test.each([
  [{}, true],
  [{ direction: 'output' }, true],
  [{ direction: 'input, output' }, true],
  [{ direction: 'input' }, false],
])('a component with %j can be invoked: %s', async (properties, isOutput) => {
  const instance = output(async () => ({ data: Buffer.from('x') }));
  const block = new OutputBindingsBlock([{ name: 'one', instance, properties }]);
  const call = block.invoke(request);
  if (isOutput) expect(await call).toEqual({ data: Buffer.from('x') });
  else await expect(call).rejects.toThrow("couldn't find output binding one");
});

test('the outbound policy is around the call', async () => {
  let attempts = 0;
  const instance = output(async () => {
    if (++attempts < 3) throw new ComponentError('unavailable', 'not yet');
    return {};
  });
  const block = new OutputBindingsBlock([{ name: 'one', instance, properties: {} }], () =>
    policy([retry({ duration: 1, maxRetries: 5 })]),
  );
  expect(await block.invoke(request)).toEqual({});
  expect(attempts).toBe(3);
});

test('an error says which binding failed, and keeps its cause', async () => {
  const cause = new ComponentError('unavailable', 'cannot reach it');
  const instance = output(() => Promise.reject(cause));
  const block = new OutputBindingsBlock([{ name: 'one', instance, properties: {} }]);
  await expect(block.invoke(request)).rejects.toMatchObject({
    errorCode: 'ERR_INVOKE_OUTPUT_BINDING',
    httpStatus: 500,
    grpcStatus: 'INTERNAL',
    message: 'error invoking output binding one: cannot reach it',
    cause,
    metadata: {},
  });
});

test.each([
  ['user=alice', true],
  ['a=b;property;p=1 , c = d', true],
  ['empty=', true],
  ['quoted=%22', true],
  ['', true],
  ['novalue', false],
  ['=x', false],
  ['a=b,,c=d', false],
  ['a="b"', false],
  ['a=%2', false],
  [`a=${'x'.repeat(9000)}`, false],
])('baggage %.20j is accepted: %s', async (baggage, isValid) => {
  const block = new OutputBindingsBlock([
    { name: 'one', instance: output(async ({ metadata }) => ({ metadata })), properties: {} },
  ]);
  const call = block.invoke({ ...request, trace: { baggage } });
  if (isValid) expect((await call).metadata).toEqual(baggage === '' ? {} : { baggage });
  else {
    await expect(call).rejects.toMatchObject({
      errorCode: 'ERR_MALFORMED_REQUEST',
      message: expect.stringMatching(/^invalid baggage header: /) as string,
    });
  }
});
