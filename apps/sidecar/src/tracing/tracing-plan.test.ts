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

test('what the environment says of the collector counts before the file, and what it says of traces alone first', () => {
  const tracing = { samplingRate: '0.5', otel: { endpointAddress: 'c:4317', protocol: 'grpc', headers: 'a=file' } };
  const env = {
    OTEL_SERVICE_NAME: 'warehouse',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all:4318/base/',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=all,b=2',
    OTEL_EXPORTER_OTLP_TIMEOUT: '2500',
  };
  expect(plan(tracing, env)).toMatchObject({
    serviceName: 'warehouse',
    samplingRate: 0.5,
    otlp: { protocol: 'http', url: 'http://all:4318/base/v1/traces', headers: { a: 'all', b: '2' }, timeout: 2500 },
  });
  const ofTraces = {
    ...env,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'traces:4317',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=traces',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '1s',
    OTEL_EXPORTER_OTLP_INSECURE: 'true',
  };
  expect(plan(tracing, ofTraces)?.otlp).toMatchObject({
    protocol: 'grpc',
    url: expect.stringMatching(/^http:\/\/traces:4317/),
    headers: { a: 'traces' },
    timeout: 1000,
  });
  expect(plan({ samplingRate: '0' }, env)).toBeUndefined();
});

test('what cannot be used is named by its field', () => {
  expect(() => plan({ otel: { endpointAddress: 'c:1', protocol: 'smoke' } })).toThrow(/spec\.tracing\.otel\.protocol/);
  expect(() => plan({ zipkin: { endpointAddress: 'nowhere' } })).toThrow(/spec\.tracing\.zipkin\.endpointAddress/);
});
