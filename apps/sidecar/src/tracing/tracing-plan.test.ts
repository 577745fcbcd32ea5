import { expect, test } from 'vitest';

import { tracingPlan } from './tracing-plan.ts';

const plan = (tracing: unknown, env = {}) => tracingPlan({ sections: { tracing } }, env, 'orders');

test('tracing is off without anybody who takes it, and at a rate of 0', () => {
  expect(plan(undefined)).toBeUndefined();
  expect(plan({ samplingRate: '1' })).toBeUndefined();
  expect(plan({ samplingRate: '0', stdout: true })).toBeUndefined();
});

test('a rate that is empty or no number is one in ten thousand; with an endpoint in the environment an empty one is all', () => {
  expect(plan({ stdout: true })?.samplingRate).toBe(0.0001);
  expect(plan({ stdout: true, samplingRate: 'often' })?.samplingRate).toBe(0.0001);
  expect(plan({}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' })).toMatchObject({
    samplingRate: 1,
    serviceName: 'orders',
    otlp: { protocol: 'http', url: 'http://c:4318/v1/traces' },
  });
});

test('the collector is found by host and port, over TLS unless it says otherwise', () => {
  const otel = { endpointAddress: 'c:4317', protocol: 'grpc', headers: 'a=b,C=d=e', timeout: '5s' };
  expect(plan({ samplingRate: '1', otel })?.otlp).toMatchObject({
    url: expect.stringContaining('https://c:4317'),
    protocol: 'grpc',
    headers: { a: 'b', c: 'd=e' },
    timeout: 5000,
  });
  expect(plan({ samplingRate: '1', otel: { ...otel, isSecure: false } })?.otlp?.url).toContain('http://c:4317');
});

test('what cannot be used is named by its field', () => {
  expect(() => plan({ otel: { endpointAddress: 'c:1', protocol: 'smoke' } })).toThrow(/spec\.tracing\.otel\.protocol/);
  expect(() => plan({ zipkin: { endpointAddress: 'nowhere' } })).toThrow(/spec\.tracing\.zipkin\.endpointAddress/);
});
