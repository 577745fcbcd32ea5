import { BrokenCircuitError } from '@outrigger/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Counted } from '../../test/counted.ts';
import { Folder, LogLines } from '../../test/folder.ts';
import { loadResources } from '../resources/load-resources.ts';
import { Problems } from '../resources/problems.ts';
import { compilePolicies } from './compile-policies.ts';
import { reloadOf } from './policies-reload.ts';

const { signal } = new AbortController();
const statestore = { name: 'store', type: 'state.x' };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Policies of one resource, `r` in namespace `prod`, that can be written anew and reloaded. */
async function load(spec: string) {
  const folder = new Folder();
  const write = (text: string) =>
    folder.file(
      'r.yaml',
      `kind: Resiliency\napiVersion: dapr.io/v1alpha1\nmetadata: {name: r, namespace: prod}\n${text}`,
    );
  write(`spec:\n${spec}`);
  const [log, metrics, problems] = [new LogLines(), new Counted(), new Problems()];
  const from = { folders: [folder.path], appId: 'app', namespace: '' };
  const { resiliencies } = await loadResources({ ...from, problems });
  const policies = await compilePolicies(resiliencies, problems, log, metrics);
  problems.throwIfAny();
  const again = reloadOf(policies, from, log);
  const reload = async (text: string) => {
    write(text);
    return again(signal);
  };
  return { policies, log, metrics, folder, reload, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/** Settles with the call's error, or `undefined`; all waits are over at once. */
async function outcome(promise: Promise<unknown> | undefined): Promise<unknown> {
  const settled = (promise ?? Promise.resolve()).then(
    () => undefined,
    (error: unknown) => error,
  );
  await vi.runOnlyPendingTimersAsync();
  await vi.runOnlyPendingTimersAsync();
  return settled;
}

const fail = async () => {
  throw new Error('down');
};

test('every call is counted with its policies, each retry is counted and logged, and so is the recovery', async () => {
  using loaded = await load(`  policies:
    retries: {again: {duration: 1500ms, maxRetries: 3}}
    timeouts: {limit: 1s}
  targets: {components: {store: {outbound: {retry: again, timeout: limit}}}}
`);
  const { policies, metrics, log } = loaded;
  let made = 0;
  const policy = policies.outbound(statestore);
  await outcome(policy?.execute(async () => (made++ < 2 ? fail() : undefined), signal));
  await outcome(policy?.execute(async () => {}, signal));
  const labels = (kind: string) =>
    `{flow_direction="outbound",name="r",namespace="prod",policy="${kind}",status="",target="Statestore_store"}`;
  expect(metrics.of('dapr_resiliency_loaded')).toEqual({ '{name="r",namespace="prod"}': 1 });
  expect(metrics.of('dapr_resiliency_count')).toEqual({ [labels('retry')]: 2, [labels('timeout')]: 2 });
  expect(metrics.of('dapr_resiliency_activations_total')).toEqual({ [labels('retry')]: 2 });
  expect(log.lines.filter((line) => !line.startsWith('debug'))).toEqual([
    'info Error processing operation component[store] output. Retrying in 1.5s…',
    'info Error processing operation component[store] output. Retrying in 1.5s…',
    'info Recovered processing operation component[store] output after 3 attempts',
  ]);
});

test('an attempt that runs out of time is counted', async () => {
  using loaded = await load('  policies: {timeouts: {t: 10ms}}\n  targets: {apps: {other: {timeout: t}}}\n');
  await outcome(
    loaded.policies
      .app('other')?.('/slow')
      .execute(() => new Promise(() => {}), signal),
  );
  expect(loaded.metrics.of('dapr_resiliency_activations_total')).toEqual({
    '{flow_direction="outbound",name="r",namespace="prod",policy="timeout",status="",target="app_other"}': 1,
  });
});

test('a breaker shows its state, and its changes are counted and logged', async () => {
  using loaded = await load(`  policies: {circuitBreakers: {cb: {trip: consecutiveFailures > 0, timeout: 5s}}}
  targets: {apps: {other: {circuitBreaker: cb}}}
`);
  const { policies, metrics, log } = loaded;
  const labels = (status: string) =>
    `{flow_direction="outbound",name="r",namespace="prod",policy="circuitbreaker",status="${status}",target="app_other"}`;
  const policyOf = policies.app('other');
  const shown = () => metrics.of('dapr_resiliency_cb_state');
  expect(shown()).toEqual({ [labels('closed')]: 1 });
  await policyOf?.('/a')
    .execute(fail, signal)
    .catch(() => {});
  await policyOf?.('/b').execute(async () => {}, signal);
  // of several paths the worst counts
  expect(shown()).toEqual({ [labels('open')]: 1 });
  await expect(policyOf?.('/a').execute(fail, signal)).rejects.toSatisfy(BrokenCircuitError.is);
  await vi.advanceTimersByTimeAsync(5000);
  expect(shown()).toEqual({ [labels('half-open')]: 1 });
  await policyOf?.('/a').execute(async () => {}, signal);
  expect(shown()).toEqual({ [labels('closed')]: 1 });
  expect(metrics.of('dapr_resiliency_count')).toEqual({
    [labels('closed')]: 2,
    [labels('open')]: 1,
    [labels('half-open')]: 1,
  });
  expect(metrics.of('dapr_resiliency_activations_total')).toEqual({
    [labels('open')]: 1,
    [labels('half-open')]: 1,
    [labels('closed')]: 1,
  });
  expect(log.lines).toEqual([
    'info Circuit breaker "/a" changed state from closed to open {"target":"app_other"}',
    'info Circuit breaker "/a" changed state from open to half-open {"target":"app_other"}',
    'info Circuit breaker "/a" changed state from half-open to closed {"target":"app_other"}',
  ]);
});

const breaking = (timeout: string, more = '') =>
  `spec:\n  policies: {circuitBreakers: {cb: {trip: consecutiveFailures > 0, timeout: ${timeout}}}${more}}\n` +
  '  targets: {components: {store: {outbound: {circuitBreaker: cb}}}}\n';

test('after a reload new policies apply, and a breaker whose policy is the same stays open', async () => {
  using loaded = await load(breaking('60s').replace('spec:\n', ''));
  const { policies, reload } = loaded;
  const { generation } = policies;
  await policies
    .outbound(statestore)
    ?.execute(fail, signal)
    .catch(() => {});
  expect(await reload(breaking('60s', ', timeouts: {other: 1s}'))).toEqual(['r']);
  expect(policies.generation).not.toBe(generation);
  await expect(policies.outbound(statestore)?.execute(fail, signal)).rejects.toSatisfy(BrokenCircuitError.is);
  await reload(breaking('61s'));
  expect(await outcome(policies.outbound(statestore)?.execute(async () => {}, signal))).toBeUndefined();
  await reload('spec: {}\n');
  expect(policies.outbound(statestore)).toBeUndefined();
});

test('resources that cannot be used change nothing, and broken ones of another kind do not matter', async () => {
  using loaded = await load(breaking('60s').replace('spec:\n', ''));
  const { policies, reload, folder } = loaded;
  const { generation } = policies;
  await expect(reload(breaking('soon'))).rejects.toThrow(
    'r.yaml:5: Resiliency "r": spec.policies.circuitBreakers.cb.timeout',
  );
  expect(policies.generation).toBe(generation);
  expect(policies.outbound(statestore)).toBeDefined();
  folder.file('store.yaml', 'apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: store}\nspec: 5\n');
  await reload('spec: {}\n');
  expect(policies.outbound(statestore)).toBeUndefined();
});

test('a breaker in steady use is told of, however many other paths and targets come meanwhile', async () => {
  using scene = await load(
    '  policies: {circuitBreakers: {cb: {timeout: 60s, trip: "consecutiveFailures >= 2"}, default: {timeout: 60s, trip: "consecutiveFailures >= 2"}}}\n' +
      '  targets: {apps: {orders: {circuitBreaker: cb, circuitBreakerCacheSize: 3}}}\n',
  );
  const { policies, log } = scene;
  const [hot, same] = [policies.app<number>('orders'), policies.app<number>('orders')];
  const call = (path: string, of = hot) => of?.(path).execute(async () => 1, signal);
  const failing = async () => {
    throw new Error('down');
  };
  for (let other = 0; other < 5; other++) {
    await call('/hot');
    await call(`/${other}`, same);
  }
  for (let target = 0; target < 1500; target++) {
    policies.app(`made-up-${target}`);
    if (target % 500 === 0) await call('/hot');
  }
  for (const of of [hot, same])
    await of?.('/hot')
      .execute(failing, signal)
      .catch(() => {});
  await expect(call('/hot', same)).rejects.toThrow(BrokenCircuitError);
  await expect(call('/hot')).rejects.toThrow(BrokenCircuitError);
  expect(log.lines.join('\n')).toContain('changed state from closed to open');
});

test('a password in the URL of a target is in no log line and in no label', async () => {
  using scene = await load(
    '  policies: {retries: {DefaultAppRetryPolicy: {policy: constant, duration: 1ms, maxRetries: 1}}}\n',
  );
  const { policies, log, metrics } = scene;
  const of = policies.app<number>('http://me:hush@127.0.0.1:1');
  expect(of).toBeDefined();
  await outcome(
    of?.('/x').execute(async () => {
      throw new Error('down');
    }, signal),
  );
  expect(log.lines.join('\n')).toContain('endpoint[http://127.0.0.1:1, /x]');
  expect(JSON.stringify([log.lines, metrics])).not.toContain('hush');
});
