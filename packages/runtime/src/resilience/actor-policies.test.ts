import { BrokenCircuitError, TimeoutError } from '@outrigger/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Folder, LogLines } from '../../test/folder.ts';
import { loadResources } from '../resources/load-resources.ts';
import { Problems } from '../resources/problems.ts';
import { compilePolicies } from './compile-policies.ts';

const { signal } = new AbortController();

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

async function policiesOf(spec: string) {
  using folder = new Folder();
  folder.file('r.yaml', `kind: Resiliency\napiVersion: dapr.io/v1alpha1\nmetadata: {name: r}\nspec:\n${spec}`);
  const problems = new Problems();
  const { resiliencies } = await loadResources({ folders: [folder.path], appId: 'app', namespace: '', problems });
  const log = new LogLines();
  const policies = await compilePolicies(resiliencies, problems, log);
  problems.throwIfAny();
  return { policies, log };
}

const fail = async () => {
  throw new Error('down');
};

test('without policies an actor has none, and the built-in retries are there', async () => {
  const { policies } = await policiesOf('  {}\n');
  expect(policies.actor('Cart')).toEqual({ beforeTurn: undefined, inTurn: undefined });
  expect(policies.actorRetry).toMatchObject({ maxRetries: 3, backoff: { interval: 1000 } });
  expect(policies.actorReminderRetry).toMatchObject({ maxElapsed: 15 * 60_000, backoff: { interval: 500 } });
  expect(policies.actorNotFoundRetry).toMatchObject({ maxRetries: 5, backoff: { interval: 1000 } });
});

test('retries and breaker stand before the turn, the time limit in it', async () => {
  const { policies, log } = await policiesOf(`  policies:
    retries: {again: {duration: 1s, maxRetries: 2}}
    timeouts: {limit: 1s}
  targets: {actors: {Cart: {retry: again, timeout: limit}}}
`);
  const { beforeTurn, inTurn } = policies.actor('Cart');
  let made = 0;
  const call = beforeTurn?.('7').execute(async () => {
    made++;
    throw new Error('down');
  }, signal);
  const refused = expect(call).rejects.toThrow('down');
  await vi.runAllTimersAsync();
  await refused;
  expect(made).toBe(3);
  expect(log.lines).toContain('info Error processing operation actor[Cart, 7]. Retrying in 1s…');
  const late = expect(inTurn?.execute(() => new Promise(() => {}), signal)).rejects.toSatisfy(TimeoutError.is);
  await vi.runAllTimersAsync();
  await late;
});

test.each([
  ['type', true],
  ['id', false],
  ['both', false],
])('with a breaker per %s, whether one actor stops the others is %s', async (scope, stops) => {
  const { policies } = await policiesOf(`  policies: {circuitBreakers: {cb: {trip: consecutiveFailures > 0}}}
  targets: {actors: {Cart: {circuitBreaker: cb, circuitBreakerScope: ${scope}}}}
`);
  const { beforeTurn } = policies.actor('Cart');
  await beforeTurn?.('1')
    .execute(fail, signal)
    .catch(() => {});
  await expect(beforeTurn?.('1').execute(fail, signal)).rejects.toSatisfy(BrokenCircuitError.is);
  const other = beforeTurn?.('2').execute(async () => 'served', signal);
  if (stops) await expect(other).rejects.toSatisfy(BrokenCircuitError.is);
  else expect(await other).toBe('served');
});

test('the breakers of the ids used last are kept, as many as circuitBreakerCacheSize says', async () => {
  const { policies } = await policiesOf(`  policies: {circuitBreakers: {cb: {trip: consecutiveFailures > 0}}}
  targets: {actors: {Cart: {circuitBreaker: cb, circuitBreakerScope: id, circuitBreakerCacheSize: 2}}}
`);
  const { beforeTurn } = policies.actor('Cart');
  const failing = (id: string) => beforeTurn?.(id).execute(fail, signal);
  await expect(failing('1')).rejects.toThrow('down');
  await expect(failing('2')).rejects.toThrow('down');
  await expect(failing('3')).rejects.toThrow('down');
  await expect(failing('2')).rejects.toThrow('circuit breaker is open');
  await expect(failing('1')).rejects.toThrow('down');
});

test('the default policies of actors apply to types without an entry, with one breaker for the type', async () => {
  const { policies } = await policiesOf(`  policies:
    circuitBreakers: {DefaultActorCircuitBreakerPolicy: {trip: consecutiveFailures > 0}}
    timeouts: {DefaultTimeoutPolicy: 1s}
  targets: {actors: {Own: {}}}
`);
  expect(policies.actor('Own')).toEqual({ beforeTurn: undefined, inTurn: undefined });
  const { beforeTurn, inTurn } = policies.actor('Cart');
  expect(inTurn).toBeDefined();
  await expect(beforeTurn?.('1').execute(fail, signal)).rejects.toThrow('down');
  await expect(beforeTurn?.('2').execute(fail, signal)).rejects.toThrow('circuit breaker is open');
});
