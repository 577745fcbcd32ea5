import { BrokenCircuitError, ComponentError, TimeoutError } from '@outrigger/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Folder, LogLines } from '../../test/folder.ts';
import { loadResources } from '../resources/load-resources.ts';
import { describeProblem, Problems } from '../resources/problems.ts';
import { compilePolicies } from './compile-policies.ts';
import type { Policies } from './policies.ts';

const { signal } = new AbortController();
const statestore = { name: 'store', type: 'state.x' };
const broker = { name: 'broker', type: 'pubsub.x' };

async function compile(...specs: string[]) {
  using folder = new Folder();
  specs.forEach((spec, index) =>
    folder.file(
      `${index}.yaml`,
      `apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r${index}}\nspec:\n${spec}`,
    ),
  );
  const problems = new Problems();
  const { resiliencies } = await loadResources({ folders: [folder.path], appId: 'app', namespace: '', problems });
  const policies = await compilePolicies(resiliencies, problems, new LogLines());
  const shown = (list: typeof problems.errors) =>
    list.map((one) => describeProblem(one).replaceAll(`${folder.path}/`, ''));
  return { policies, errors: shown(problems.errors), warnings: shown(problems.warnings) };
}

async function policiesOf(...specs: string[]): Promise<Policies> {
  const { policies, errors, warnings } = await compile(...specs);
  expect([...errors, ...warnings]).toEqual([]);
  return policies;
}

/** How often a call that always fails is made. */
async function attempts(
  policy: ReturnType<Policies['outbound']>,
  error: unknown = new Error('failed'),
): Promise<number> {
  let made = 0;
  const call = async () => {
    made++;
    throw error;
  };
  const outcome = (policy === undefined ? call() : policy.execute(call, signal)).catch(() => {});
  await vi.runAllTimersAsync();
  await outcome;
  return made;
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const retries = (name: string, count: number) =>
  `    retries: {${name}: {policy: constant, duration: 1s, maxRetries: ${count}}}\n`;

describe('without a policy', () => {
  test('a target has none at all', async () => {
    const policies = await policiesOf();
    expect(policies.outbound(statestore)).toBeUndefined();
    expect(policies.inbound(broker)).toBeUndefined();
    expect(policies.app('other')).toBeUndefined();
    expect(policies.serviceRetry.maxRetries).toBe(3);
  });

  test('a policy that no target names is not used', async () => {
    expect((await policiesOf(`  policies:\n${retries('r', 2)}`)).outbound(statestore)).toBeUndefined();
  });
});

describe('a target', () => {
  test('of a component has policies for each direction', async () => {
    const policies = await policiesOf(`  policies:
    retries: {often: {duration: 1s, maxRetries: 3}, once: {duration: 1s, maxRetries: 1}}
    timeouts: {short: 50}
  targets:
    components:
      store: {outbound: {retry: often, timeout: short}}
      broker: {inbound: {retry: once}}
`);
    expect(await attempts(policies.outbound(statestore))).toBe(4);
    expect(policies.inbound(statestore)).toBeUndefined();
    expect(await attempts(policies.inbound(broker))).toBe(2);
    const slow = policies.outbound(statestore)?.execute(() => new Promise(() => {}), signal);
    const failure = expect(slow).rejects.toSatisfy(TimeoutError.is);
    await vi.runAllTimersAsync();
    await failure;
  });

  test('does not retry what no retry can mend', async () => {
    const policies = await policiesOf(
      `  policies:\n${retries('r', 2)}  targets: {components: {store: {outbound: {retry: r}}}}\n`,
    );
    expect(await attempts(policies.outbound(statestore), new ComponentError('etag-mismatch', 'no'))).toBe(1);
    expect(await attempts(policies.outbound(statestore), new ComponentError('unavailable', 'no'))).toBe(3);
  });

  test('names a policy that does not exist: a warning, and it does without', async () => {
    const { policies, warnings, errors } = await compile(
      '  targets:\n    apps: {b: {retry: none}}\n    components: {store: {outbound: {timeout: none}}}\n',
    );
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      '0.yaml:6: Resiliency "r0": there is no policy retry "none"; the target does without it',
      '0.yaml:7: Resiliency "r0": there is no policy timeout "none"; the target does without it',
    ]);
    expect(policies.outbound(statestore)).toBeUndefined();
  });

  test('of a later resource, or a policy of one, replaces that of an earlier one', async () => {
    const policies = await policiesOf(
      `  policies:\n${retries('r', 1)}  targets: {components: {store: {outbound: {retry: r}}}}\n`,
      `  policies:\n${retries('r', 2)}`,
    );
    expect(await attempts(policies.outbound(statestore))).toBe(3);
  });
});

describe('an app', () => {
  const outcome = { statusOf: ({ status }: { status: number }) => status };
  const answering = (status: number) => {
    let calls = 0;
    return {
      get calls() {
        return calls;
      },
      call: async () => {
        calls++;
        return { status };
      },
    };
  };

  test('is tried again for the codes that matching lists, and its last answer comes back', async () => {
    const policies = await policiesOf(`  policies:
    retries: {r: {duration: 1s, maxRetries: 2, matching: {httpStatusCodes: "429, 500-503"}}}
  targets: {apps: {other: {retry: r}}}
`);
    const policyOf = policies.app('other', outcome);
    for (const [status, calls] of [
      [429, 3],
      [502, 3],
      [504, 1],
      [404, 1],
      [200, 1],
      [304, 1],
    ] as const) {
      const app = answering(status);
      const answer = policyOf?.('/m').execute(app.call, signal);
      await vi.runAllTimersAsync();
      expect(await answer).toEqual({ status });
      expect([status, app.calls]).toEqual([status, calls]);
    }
  });

  test('is tried again for every failing code without matching', async () => {
    const policyOf = (await policiesOf(`  policies:\n${retries('r', 1)}  targets: {apps: {other: {retry: r}}}\n`)).app(
      'other',
      outcome,
    );
    const app = answering(404);
    const answer = policyOf?.('/m').execute(app.call, signal);
    await vi.runAllTimersAsync();
    expect([(await answer)?.status, app.calls]).toEqual([404, 2]);
  });

  test('has a breaker for each method path', async () => {
    const policies = await policiesOf(`  policies:
    circuitBreakers: {cb: {trip: "consecutiveFailures >= 2", timeout: 10s}}
  targets: {apps: {other: {circuitBreaker: cb}}}
`);
    const policyOf = policies.app('other', outcome);
    const call = (path: string, status: number) => policyOf?.(path).execute(async () => ({ status }), signal);
    await call('/a', 500);
    await call('/a', 500);
    await expect(call('/a', 200)).rejects.toSatisfy(BrokenCircuitError.is);
    expect(await call('/b', 200)).toEqual({ status: 200 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await call('/a', 200)).toEqual({ status: 200 });
  });

  test('forgets the breaker of the path it has not used for longest', async () => {
    const policies = await policiesOf(`  policies:
    circuitBreakers: {cb: {trip: consecutiveFailures > 0}}
  targets: {apps: {other: {circuitBreaker: cb, circuitBreakerCacheSize: 2}}}
`);
    const policyOf = policies.app('other', outcome);
    const call = (path: string, status: number) => policyOf?.(path).execute(async () => ({ status }), signal);
    await call('/a', 500);
    await call('/b', 200);
    await expect(call('/a', 200)).rejects.toSatisfy(BrokenCircuitError.is);
    await call('/c', 200);
    await expect(call('/a', 200)).rejects.toSatisfy(BrokenCircuitError.is);
    await call('/d', 200);
    await call('/e', 200);
    expect(await call('/a', 200)).toEqual({ status: 200 });
  });
});

describe('default policies', () => {
  test.each([
    ['DefaultRetryPolicy', 1],
    ['DefaultComponentRetryPolicy', 1],
    ['DefaultComponentOutboundRetryPolicy', 1],
    ['DefaultStatestoreComponentOutboundRetryPolicy', 1],
    ['DefaultPubsubComponentOutboundRetryPolicy', 0],
    ['DefaultAppRetryPolicy', 0],
    ['DefaultComponentInboundRetryPolicy', 0],
  ])('%s gives a state store %i retries', async (name, count) => {
    expect(await attempts((await policiesOf(`  policies:\n${retries(name, 1)}`)).outbound(statestore))).toBe(count + 1);
  });

  test('the narrowest wins', async () => {
    const policies = await policiesOf(`  policies:
    retries:
      DefaultRetryPolicy: {duration: 1s, maxRetries: 1}
      DefaultComponentRetryPolicy: {duration: 1s, maxRetries: 2}
      DefaultComponentOutboundRetryPolicy: {duration: 1s, maxRetries: 3}
      DefaultStatestoreComponentOutboundRetryPolicy: {duration: 1s, maxRetries: 4}
`);
    expect(await attempts(policies.outbound(statestore))).toBe(5);
    expect(await attempts(policies.outbound(broker))).toBe(4);
    expect(await attempts(policies.inbound(broker))).toBe(3);
    expect(policies.app('other')).toBeDefined();
  });

  test('a target with an entry of its own has none', async () => {
    const policies = await policiesOf(`  policies:
    retries: {DefaultRetryPolicy: {maxRetries: 1}}
    timeouts: {t: 1s}
  targets: {components: {store: {inbound: {timeout: t}}}, apps: {other: {}}}
`);
    expect(policies.outbound(statestore)).toBeUndefined();
    expect(policies.app('other')).toBeUndefined();
  });
});

describe('built-in policies', () => {
  test('can be overridden, with 3 tries at least', async () => {
    const { policies, warnings } = await compile(`  policies:
    retries:
      DaprBuiltInServiceRetries: {duration: 2s, maxRetries: 1}
      DaprBuiltInInitializationRetries: {maxRetries: 7}
      DaprBuiltInActorNotFoundRetries: {maxRetries: 9}
`);
    expect(policies.serviceRetry).toMatchObject({ maxRetries: 3, backoff: { interval: 2000 } });
    expect(policies.initializationRetry.maxRetries).toBe(7);
    expect(warnings).toEqual([
      '0.yaml:1: Resiliency "r0": DaprBuiltInServiceRetries needs a maxRetries of at least 3; 3 are made',
      '0.yaml:1: Resiliency "r0": DaprBuiltInActorNotFoundRetries cannot be overridden; what the resource says of it is ignored',
    ]);
  });
});

test('a breaker whose expression fails at run time does not trip', async () => {
  const policies = await policiesOf(`  policies:
    circuitBreakers: {cb: {trip: "requests / totalSuccesses > 1"}}
  targets: {components: {store: {outbound: {circuitBreaker: cb}}}}
`);
  for (let call = 0; call < 10; call++) expect(await attempts(policies.outbound(statestore))).toBe(1);
});

test('everything that is wrong is told with its line', async () => {
  const { errors } = await compile(`  policies:
    timeouts: {t: soon}
    retries:
      r: {policy: linear, maxRetries: x}
      m: {matching: {httpStatusCodes: "4290,500-499", gRPCStatusCodes: 99}}
    circuitBreakers:
      a: {trip: "requests >"}
      b: {trip: foo > 1}
      c:
        timeout: 1s
        trip: requests + 1
  targets:
    actors: {t: {circuitBreaker: a}}
`);
  const counts = 'requests, totalSuccesses, totalFailures, consecutiveSuccesses, consecutiveFailures';
  expect(errors).toEqual([
    '0.yaml:6: Resiliency "r0": spec.policies.timeouts.t must be a duration such as "500ms", "5s" or "1m30s"',
    '0.yaml:8: Resiliency "r0": spec.policies.retries.r.policy must be one of "constant", "exponential"',
    '0.yaml:8: Resiliency "r0": spec.policies.retries.r.maxRetries must be a whole number',
    '0.yaml:9: Resiliency "r0": "4290" in spec.policies.retries.m.matching.httpStatusCodes must be a code or a range of codes from 100 to 599, such as "500-599"',
    '0.yaml:9: Resiliency "r0": "500-499" in spec.policies.retries.m.matching.httpStatusCodes must be a code or a range of codes from 100 to 599, such as "500-599"',
    '0.yaml:9: Resiliency "r0": "99" in spec.policies.retries.m.matching.gRPCStatusCodes must be a code or a range of codes from 0 to 16, such as "8-11"',
    '0.yaml:17: Resiliency "r0": spec.targets.actors.t has a circuitBreaker and so needs circuitBreakerScope: type, id or both',
    `0.yaml:11: Resiliency "r0": circuitBreakers.a: trip \`requests >\` is not a valid CEL expression over ${counts}: Unexpected token: EOF`,
    `0.yaml:12: Resiliency "r0": circuitBreakers.b: trip \`foo > 1\` is not a valid CEL expression over ${counts}: Unknown variable: foo`,
    `0.yaml:15: Resiliency "r0": circuitBreakers.c: trip \`requests + 1\` is not a valid CEL expression over ${counts}: it gives int, not a boolean`,
  ]);
});
