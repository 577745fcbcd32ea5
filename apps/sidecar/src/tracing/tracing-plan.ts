import { parseDuration } from '@outrigger/core';
import type { Configuration } from '@outrigger/runtime';
import type { OtlpSettings, TracingSettings } from '@outrigger/tracing-opentelemetry';

import { SettingError } from '../process/setting-error.ts';

type Section = Readonly<Record<string, unknown>>;
type Env = Readonly<Record<string, string | undefined>>;

/** The share of new traces that are recorded where `samplingRate` is empty or no number. */
const defaultRate = 0.0001;

/**
 * What `spec.tracing` of the Configuration and the `OTEL_` variables ask for, which count first. `undefined`: tracing is off, since the
 * rate is 0 or nobody takes the traces. Throws a SettingError that names the field.
 */
export function tracingPlan(
  { sections }: Pick<Configuration, 'sections'>,
  env: Env,
  appId: string,
): TracingSettings | undefined {
  const tracing = sectionOf(sections['tracing'], 'spec.tracing');
  const fromEnv = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const samplingRate = rateOf(tracing['samplingRate'], fromEnv ? 1 : defaultRate);
  const otlp = otlpOf(sectionOf(tracing['otel'], 'spec.tracing.otel'), env);
  const zipkin = textOf(sectionOf(tracing['zipkin'], 'spec.tracing.zipkin')['endpointAddress']);
  const stdout = tracing['stdout'] === true || tracing['stdout'] === 'true';
  if (samplingRate === 0 || (!stdout && zipkin === '' && otlp === undefined)) return undefined;
  return {
    serviceName: env['OTEL_SERVICE_NAME'] || appId,
    samplingRate,
    stdout,
    zipkin: zipkin === '' ? undefined : urlOf(zipkin, 'spec.tracing.zipkin.endpointAddress').href,
    otlp,
  };
}

function rateOf(value: unknown, fallback: number): number {
  const text = textOf(value);
  if (text === '') return fallback;
  const rate = Number(text);
  return Number.isNaN(rate) ? defaultRate : Math.min(1, Math.max(0, rate));
}

function otlpOf(section: Section, env: Env): OtlpSettings | undefined {
  const variable = (name: string) =>
    env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`] || '';
  const tracesUrl = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || '';
  const baseUrl = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || '';
  const address = tracesUrl || baseUrl || textOf(section['endpointAddress']);
  if (address === '') return undefined;
  const protocol = protocolOf(variable('PROTOCOL') || textOf(section['protocol']));
  const insecure = variable('INSECURE') || (section['isSecure'] === false ? 'true' : '');
  const url = urlOf(
    /^https?:\/\//.test(address) ? address : `${insecure === 'true' ? 'http' : 'https'}://${address}`,
    'spec.tracing.otel.endpointAddress',
  );
  if (protocol === 'http' && tracesUrl === '' && (baseUrl !== '' || url.pathname === '/')) {
    url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  }
  return {
    protocol,
    url: url.href,
    headers: headersOf(variable('HEADERS') || textOf(section['headers'])),
    timeout: timeoutOf(variable('TIMEOUT') || textOf(section['timeout'])),
  };
}

function protocolOf(text: string): OtlpSettings['protocol'] {
  if (text === 'grpc') return 'grpc';
  if (text === '' || text === 'http' || text === 'http/protobuf') return 'http';
  throw new SettingError(`the protocol of OTLP (spec.tracing.otel.protocol) has to be grpc or http, not "${text}"`);
}

function headersOf(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.includes('='));
  return Object.fromEntries(
    pairs.map((pair) => {
      const mark = pair.indexOf('=');
      return [pair.slice(0, mark).trim().toLowerCase(), pair.slice(mark + 1).trim()];
    }),
  );
}

/** Milliseconds; a number alone is milliseconds, as OpenTelemetry's variables have it. */
function timeoutOf(text: string): number | undefined {
  if (text === '') return undefined;
  const timeout = parseDuration(text, 'ms');
  if (timeout !== undefined && timeout > 0) return timeout;
  throw new SettingError(
    `the timeout of OTLP (spec.tracing.otel.timeout) has to be a duration such as "10s", not "${text}"`,
  );
}

function urlOf(text: string, field: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new SettingError(`the Configuration's ${field} has to be a URL or host:port`);
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

function sectionOf(value: unknown, field: string): Section {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Section;
  throw new SettingError(`the Configuration's ${field} has to be an object`);
}
