import memory from '@outrigger/state-in-memory';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Folder } from '../test/folder.ts';
import { checkResources } from './check-resources.ts';
import { createRuntime } from './create-runtime.ts';
import { ResourceError } from './resources/problems.ts';

const secret = 'hunter2-is-nobodys-business';

/** Resources as they should be, of each kind; what a user's mistake makes of them is below. */
const sources = [
  `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: store, namespace: prod}
scopes: [app]
spec:
  type: state.in-memory
  version: v1
  initTimeout: 5s
  ignoreErrors: false
  metadata:
    - {name: keyPrefix, value: none}
    - {name: password, value: ${secret}}
    - {name: other, secretKeyRef: {name: a, key: b}}
auth: {secretStore: kubernetes}
`,
  `apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: {name: orders}
spec:
  pubsubname: pubsub
  topic: orders
  routes: {default: /x, rules: [{match: 'event.type == "a"', path: /a}]}
  deadLetterTopic: dead
  bulkSubscribe: {enabled: true, maxMessagesCount: 10, maxAwaitDurationMs: 100}
`,
  `apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: r}
spec:
  policies:
    timeouts: {short: 5s}
    retries: {again: {policy: exponential, maxInterval: 15s, maxRetries: 3, matching: {httpStatusCodes: '500-599'}}}
    circuitBreakers: {cb: {maxRequests: 1, interval: 8s, timeout: 45s, trip: consecutiveFailures > 5}}
  targets:
    apps: {orders: {timeout: short, retry: again, circuitBreaker: cb, circuitBreakerCacheSize: 10}}
    actors: {cart: {circuitBreakerScope: both}}
    components: {store: {outbound: {timeout: short}, inbound: {retry: again}}}
`,
  `apiVersion: dapr.io/v1alpha1
kind: HTTPEndpoint
metadata: {name: shop}
spec:
  baseUrl: https://shop.example.com:8443/base
  headers: [{name: authorization, value: ${secret}}]
  clientTLS: {rootCA: {secretKeyRef: {name: a, key: b}}, renegotiation: RenegotiateNever}
`,
  `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: config}
spec:
  tracing: {samplingRate: '1', otel: {endpointAddress: 'localhost:4317', isSecure: false, protocol: grpc, headers: [{name: token, value: ${secret}}]}}
  metrics: {enabled: true, latencyDistributionBuckets: [1, 2], http: {pathMatching: [/a/{b}]}, rules: [{name: x, labels: [{name: y, regex: {a: b}}]}]}
  accessControl: {defaultAction: deny, trustDomain: public, policies: [{appId: a, operations: [{name: /x/**, httpVerb: ['*'], action: allow}]}]}
  secrets: {scopes: [{storeName: s, defaultAccess: deny, allowedSecrets: [a]}]}
  api: {allowed: [{name: state, version: v1.0, protocol: http}]}
  features: [{name: HotReload, enabled: true}]
  nameResolution: {component: sqlite, version: v1, configuration: {connectionString: x}}
`,
];

const hostile = [
  '',
  '~',
  '[]',
  '{}',
  '[[[[[]]]]]',
  '-1',
  '1e999',
  '0x1F',
  'NaN',
  'true',
  '!!binary aGk=',
  '&a [*a]',
  '*nowhere',
  '<<: {}',
  '"\\0"',
  "'unclosed",
  '"\\uD800"',
  '{{ .Values.x }}',
  '${MISSING}',
  '../../etc/passwd',
  'ß漢字🛶',
  '__proto__',
  '|\n  a\n b',
  '\t',
  '- a\n- b',
  '---',
  '...',
  '# only a comment',
  '%YAML 9.9',
  '99999999999999999999h',
  'constructor: {prototype: 1}',
  'a: b: c',
];

/** One of the sources with some mistakes in it, or anything. */
const text = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...sources),
        fc.array(
          fc.record({
            at: fc.double({ min: 0, max: 1, noNaN: true }),
            what: fc.constantFrom('cut', 'insert', 'value', 'key', 'duplicate'),
            by: fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary', maxLength: 20 })),
          }),
          { minLength: 1, maxLength: 3 },
        ),
      )
      .map(([source, mistakes]) => mistakes.reduce(spoil, source)),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 400 }) },
);

interface Mistake {
  /** Share of the text before it. */
  readonly at: number;
  readonly what: string;
  readonly by: string;
}

function spoil(source: string, { at, what, by }: Mistake): string {
  const index = Math.floor(at * source.length);
  if (what === 'cut') return source.slice(0, index);
  if (what === 'insert') return source.slice(0, index) + by + source.slice(index);
  if (what === 'duplicate') return `${source}---\n${source}`;
  const pattern = what === 'value' ? /: ([^,{}[\]\n]+)/g : /([A-Za-z]+):/g;
  const places = [...source.matchAll(pattern)];
  const place = places[Math.floor(at * (places.length - 1))];
  if (place === undefined) return by;
  const begin = place.index + place[0].indexOf(place[1] ?? '');
  return source.slice(0, begin) + by + source.slice(begin + (place[1] ?? '').length);
}

function expectClear(messages: readonly string[]): void {
  for (const message of messages) {
    expect(message).not.toContain(secret);
    expect(message).not.toMatch(/\[object |\n\s+at |\bundefined\b|Cannot read prop/);
    expect(message.length).toBeGreaterThan(5);
  }
}

test('whatever stands in the files, the check says what is wrong, the start refuses it or runs, and no secret is told', async () => {
  using folder = new Folder();
  let run = 0;
  const seen = { refused: 0, started: 0, components: 0 };
  await fc.assert(
    fc.asyncProperty(text, async (yaml) => {
      const name = `run${run++}`;
      folder.file(`${name}/resources/a.yaml`, yaml);
      const isConfiguration = yaml.includes('kind: Configuration');
      const options = {
        appId: 'app',
        namespace: '',
        resourcesPaths: [`${folder.path}/${name}/resources`],
        ...(isConfiguration && { configPaths: [folder.file(`${name}/config.yaml`, yaml)] }),
        components: [memory],
        searchFrom: folder.path,
        env: {},
      };
      const { components, errors, warnings } = await checkResources(options);
      expectClear([...errors, ...warnings].map(({ message }) => message));
      expectClear(components.flatMap(({ problems }) => problems));

      seen.components += components.length;
      const outcome = await createRuntime(options).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(outcome).toBeInstanceOf(ResourceError);
        expectClear([outcome.message]);
        seen.refused++;
      } else {
        await (outcome as AsyncDisposable)[Symbol.asyncDispose]();
        seen.started++;
      }
    }),
    { numRuns: 300 },
  );
  // the mistakes are of all kinds
  expect(Math.min(seen.refused, seen.started, seen.components)).toBeGreaterThan(10);
}, 60_000);
