import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { Canoes, type Scene, startScene } from './scene.ts';

const endpoints = [
  'constant',
  'growing',
  'matching',
  'limited',
  'broken',
  'counting',
  'half',
  'swept',
  'both',
  'plain',
  'own',
];

const endpoint = (name: string) => `---
apiVersion: dapr.io/v1alpha1
kind: HTTPEndpoint
metadata: {name: ${name}}
spec: {baseUrl: "http://127.0.0.1:APP_PORT"}
`;

const components = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: outgoing}
spec: {type: bindings.http, version: v1, metadata: [{name: url, value: "http://127.0.0.1:APP_PORT"}]}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: incoming}
spec: {type: pubsub.in-memory, version: v1}
`;

const policies = (constantRetries = 2) => `---
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: shop}
scopes: [caller]
spec:
  policies:
    timeouts: {short: 150}
    retries:
      constant: {policy: constant, duration: 60ms, maxRetries: ${constantRetries}}
      growing: {policy: exponential, maxRetries: 1}
      many: {duration: 10ms, maxRetries: 8}
      matching: {duration: 10ms, maxRetries: 2, matching: {httpStatusCodes: "429,502-503", gRPCStatusCodes: "14"}}
      DefaultAppRetryPolicy: {duration: 10ms, maxRetries: 3}
      DefaultBindingComponentOutboundRetryPolicy: {duration: 10ms, maxRetries: 4}
      DaprBuiltInServiceRetries: {duration: 50ms, maxRetries: 3}
    circuitBreakers:
      broken: {trip: consecutiveFailures >= 3, timeout: 60s}
      counting: {trip: "totalFailures >= 2 && requests > 3", timeout: 60s}
      half: {trip: consecutiveFailures >= 1, timeout: 200ms, maxRequests: 2}
      swept: {trip: totalFailures >= 2, interval: 100ms, timeout: 60s}
  targets:
    apps:
      constant: {retry: constant}
      growing: {retry: growing}
      matching: {retry: matching}
      limited: {timeout: short, retry: constant}
      broken: {circuitBreaker: broken}
      counting: {circuitBreaker: counting}
      half: {circuitBreaker: half}
      swept: {circuitBreaker: swept}
      both: {retry: many, circuitBreaker: broken}
      own: {}
      flaky: {retry: constant}
      rpc: {retry: matching}
    components:
      incoming: {inbound: {retry: constant}}
`;

const resources = (constantRetries?: number) =>
  `${components}${endpoints.map(endpoint).join('')}${policies(constantRetries)}`;

let scene: Scene;

beforeAll(async () => {
  scene = await startScene(resources(), [
    { pubsubname: 'incoming', topic: 'orders', route: '/in/orders?script=500,500,200' },
  ]);
});

// a test that is run once more begins anew
beforeEach(() => {
  scene.app.forget();
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
});

/** No wait was shorter than the policy says. Timers of two processes may differ by a millisecond. */
function expectGaps(path: string, count: number, least: number) {
  const gaps = scene.app.gaps(path);
  expect(gaps).toHaveLength(count);
  for (const gap of gaps) expect(gap).toBeGreaterThan(least - 2);
}

describe('retries', () => {
  test('wait as long as the policy says, end with the first success, and the app’s answer comes back', async () => {
    const answer = await scene.invoke('constant', '/constant?script=500,404,201');
    expect([answer.status, await answer.text()]).toEqual([201, 'call 3']);
    expectGaps('/constant', 2, 60);
  });

  test('end when there were enough of them, with the last answer', async () => {
    const answer = await scene.invoke('constant', '/enough?script=500,501,502,503');
    expect([answer.status, await answer.text(), scene.app.calls('/enough')]).toEqual([502, 'call 3', 3]);
  });

  test('come for a connection that was cut', async () => {
    expect((await scene.invoke('constant', '/cut?script=cut,cut,200')).status).toBe(200);
    expectGaps('/cut', 2, 60);
  });

  test('grow from half a second, with randomness, when they are exponential', async () => {
    expect((await scene.invoke('growing', '/growing?script=503,200')).status).toBe(200);
    expectGaps('/growing', 1, 250);
  });

  test.each([
    ['503', '503,429,200', 3],
    ['500', '500,200', 1],
    ['404', '404,200', 1],
    ['304', '304', 1],
  ])('come only for the codes that matching lists: %s', async (code, script, calls) => {
    await (await scene.invoke('matching', `/matching-${code}?script=${script}`)).text();
    expect(scene.app.calls(`/matching-${code}`)).toBe(calls);
  });

  test('come for a call to an app behind its own sidecar', async () => {
    expect((await scene.invoke('flaky', '/peer?script=503,503,200')).status).toBe(200);
    expectGaps('/peer', 2, 60);
  });

  test.each([
    [status.OK, '14,14,0', 3],
    [status.NOT_FOUND, '5,0', 1],
    [status.UNAVAILABLE, '14,14,14,0', 3],
  ])('of a gRPC call match by its code: the outcome is %i', async (code, script, calls) => {
    scene.grpcApp.arrivals.length = 0;
    const client = new Canoes(`127.0.0.1:${scene.caller.grpcPort}`, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('dapr-app-id', 'rpc');
    try {
      const outcome = await new Promise<number>((resolve) => {
        client['Get']?.({ name: script }, metadata, (error: ServiceError | null) => resolve(error?.code ?? status.OK));
      });
      expect([outcome, scene.grpcApp.arrivals.length]).toEqual([code, calls]);
    } finally {
      client.close();
    }
  });
});

test('a timeout ends each attempt, and at the end the call, with 500 ERR_DIRECT_INVOKE', async () => {
  const begun = performance.now();
  const answer = await scene.invoke('limited', '/slow?script=200@3000');
  expect([answer.status, await answer.json()]).toMatchObject([500, { errorCode: 'ERR_DIRECT_INVOKE' }]);
  expect(performance.now() - begun).toBeLessThan(2900);
  // three attempts with 150 ms each, and 60 ms before both of the others
  expect(performance.now() - begun).toBeGreaterThan(3 * 150 + 2 * 60 - 5);
  expectGaps('/slow', 2, 60);
});

describe('a circuit breaker', () => {
  const open = async (target: string, path: string) => {
    const answer = await scene.invoke(target, path);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain('circuit breaker is open');
  };

  test('opens after the failures it says, for that path alone', async () => {
    for (let call = 0; call < 3; call++) expect((await scene.invoke('broken', '/a?script=503')).status).toBe(503);
    await open('broken', '/a?script=503');
    expect(scene.app.calls('/a')).toBe(3);
    expect((await scene.invoke('broken', '/b?script=200')).status).toBe(200);
  });

  test('opens by an expression over its counts', async () => {
    for (const code of [500, 200, 200, 500])
      expect((await scene.invoke('counting', '/count?script=500,200,200,500')).status).toBe(code);
    await open('counting', '/count?script=200');
  });

  test('that opens ends the retries at once, with the app’s answer', async () => {
    const answer = await scene.invoke('both', '/trip?script=503');
    expect([answer.status, scene.app.calls('/trip')]).toEqual([503, 3]);
  });

  test('lets as many through as maxRequests when it is half-open, and closes when they succeed', async () => {
    expect((await scene.invoke('half', '/half?script=500,200@300,200@300,200')).status).toBe(500);
    await open('half', '/half');
    await scene.caller.line(/Circuit breaker \\?"\/half\\?\\?" changed state from open to half-open/);
    const path = '/half?script=500,200@300,200@300,200';
    const answers = await Promise.all([1, 2, 3].map(() => scene.invoke('half', path)));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 200, 500]);
    expect(texts.some((text) => text.includes('too many requests'))).toBe(true);
    expect((await scene.invoke('half', path)).status).toBe(200);
    expect(scene.app.calls('/half')).toBe(4);
    expect(scene.app.gaps('/half')[0]).toBeGreaterThan(198);
  });

  test('forgets failures when its interval is over', async () => {
    const path = '/swept?script=500';
    await scene.invoke('swept', path);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await scene.invoke('swept', path);
    // neither of the two has opened it; two within the interval do
    await expect
      .poll(async () => (await (await scene.invoke('swept', path)).text()).includes('circuit breaker is open'))
      .toBe(true);
    expect(scene.app.calls('/swept')).toBeGreaterThanOrEqual(3);
  });
});

describe('default policies and built-in ones', () => {
  test('apply by their name to a target without an entry, and not to one with an empty entry', async () => {
    expect((await scene.invoke('plain', '/plain?script=500')).status).toBe(500);
    expect((await scene.invoke('own', '/own?script=500')).status).toBe(500);
    expect([scene.app.calls('/plain'), scene.app.calls('/own')]).toEqual([4, 1]);
  });

  test('apply to what a component sends', async () => {
    const answer = await scene.caller.post('/v1.0/bindings/outgoing', {
      operation: 'get',
      metadata: { path: '/out?script=503' },
    });
    expect(answer.status).toBe(500);
    expect(scene.app.calls('/out')).toBe(5);
  });
});

test('the inbound policy repeats a delivery to the app', async () => {
  expect((await scene.caller.post('/v1.0/publish/incoming/orders', { n: 1 })).status).toBe(204);
  await expect.poll(() => scene.app.calls('/in/orders')).toBe(3);
  expectGaps('/in/orders', 2, 60);
});

test('what policies did stands in the log and in the metrics', async () => {
  await scene.invoke('constant', '/told?script=500,200');
  await scene.caller.line(/Error processing operation endpoint\[constant, \/told\]\. Retrying in 60ms…/);
  await scene.caller.line(/Recovered processing operation endpoint\[constant, \/told\] after 2 attempts/);
  for (let call = 0; call < 3; call++) await scene.invoke('broken', '/told?script=503');
  await scene.caller.line(/Circuit breaker \\"\/told\\" changed state from closed to open/);
  const text = await (await fetch(`${scene.metricsUrl}/any`)).text();
  const value = (name: string, kind: string, target: string, state = '') =>
    Number(
      text
        .split(
          `\n${name}{app_id="caller",flow_direction="outbound",name="shop",namespace="",policy="${kind}",status="${state}",target="app_${target}"} `,
        )[1]
        ?.split('\n')[0],
    );
  expect(value('dapr_resiliency_count', 'retry', 'constant')).toBeGreaterThan(0);
  expect(value('dapr_resiliency_activations_total', 'retry', 'constant')).toBeGreaterThan(0);
  expect(value('dapr_resiliency_activations_total', 'circuitbreaker', 'broken', 'open')).toBeGreaterThan(0);
  expect(value('dapr_resiliency_cb_state', 'circuitbreaker', 'broken', 'open')).toBe(1);
  expect(text).toContain('dapr_resiliency_loaded{app_id="caller",name="shop",namespace=""} 1');
});

test('SIGHUP reloads the policies: calls under way end by the old ones, and what cannot be used changes nothing', async () => {
  const { app, caller, workspace } = scene;
  const write = (text: string) => workspace.file('caller.yaml', text.replaceAll('APP_PORT', String(app.port)));
  const under = scene.invoke('constant', '/under-way?script=500@300,500');
  await expect.poll(() => app.calls('/under-way')).toBe(1);
  write(resources(0));
  process.kill(caller.pid, 'SIGHUP');
  await caller.line(/the Resiliency resources were read again: shop/);
  expect((await scene.invoke('constant', '/after?script=500')).status).toBe(500);
  expect(app.calls('/after')).toBe(1);
  expect((await under).status).toBe(500);
  expect(app.calls('/under-way')).toBe(3);

  write(`${resources(5)}    wrong: 1\n`.replace('timeouts: {short: 150}', 'timeouts: {short: soon}'));
  process.kill(caller.pid, 'SIGHUP');
  await caller.line(/cannot be used, everything stays as it was[^]*spec\.policies\.timeouts\.short/);
  expect((await scene.invoke('constant', '/still?script=500')).status).toBe(500);
  expect(app.calls('/still')).toBe(1);
  // its breaker has the same policy, and is still open
  expect(await (await scene.invoke('broken', '/told?script=200')).text()).toContain('circuit breaker is open');
});

test('a peer that is gone is tried again as DaprBuiltInServiceRetries says', async () => {
  const { caller, workspace, flaky } = scene;
  const text = resources()
    .replace('      flaky: {retry: constant}\n', '')
    .replace(/ {6}DefaultApp.*\n/, '')
    .replaceAll('APP_PORT', '1');
  workspace.file('caller.yaml', text);
  process.kill(caller.pid, 'SIGHUP');
  await caller.line(/read again: shop[^]*read again: shop/);
  process.kill(flaky.pid, 'SIGKILL');
  await flaky.exited;
  const begun = performance.now();
  const answer = await scene.invoke('flaky', '/gone');
  expect([answer.status, await answer.json()]).toMatchObject([500, { errorCode: 'ERR_DIRECT_INVOKE' }]);
  expect(performance.now() - begun).toBeGreaterThan(148);
});
