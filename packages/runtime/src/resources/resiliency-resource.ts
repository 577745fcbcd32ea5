import { type Envelope, header, readSpec } from './envelope.ts';
import type { FieldReader } from './field-reader.ts';
import type { Position, Resource } from './resource.ts';

/** Inclusive ranges of status codes: `[[429, 429], [500, 599]]`. */
export type CodeRanges = readonly (readonly [from: number, to: number])[];

export interface RetrySpec {
  readonly policy: 'constant' | 'exponential';
  /** Milliseconds. */
  readonly duration?: number;
  /** Milliseconds. */
  readonly maxInterval?: number;
  /** -1: no limit. */
  readonly maxRetries: number;
  /** Absent: any failing code is tried again. */
  readonly httpStatusCodes?: CodeRanges;
  readonly grpcStatusCodes?: CodeRanges;
}

interface CircuitBreakerSpec extends Position {
  readonly maxRequests?: number;
  /** Milliseconds. */
  readonly interval?: number;
  /** Milliseconds. */
  readonly timeout?: number;
  /** CEL over the counts; compiled with the policies. */
  readonly trip?: string;
}

/** The names of the policies that a target uses; an absent one leaves room for a default policy. */
export interface TargetSpec extends Position {
  readonly timeout?: string;
  readonly retry?: string;
  readonly circuitBreaker?: string;
  readonly circuitBreakerCacheSize?: number;
}

export interface ActorTargetSpec extends TargetSpec {
  readonly circuitBreakerScope?: 'type' | 'id' | 'both';
}

export interface ComponentTargetSpec {
  readonly outbound?: TargetSpec;
  readonly inbound?: TargetSpec;
}

/** `kind: Resiliency`, validated. */
export interface ResiliencyResource extends Resource {
  /** Milliseconds by name. */
  readonly timeouts: ReadonlyMap<string, number>;
  readonly retries: ReadonlyMap<string, RetrySpec>;
  readonly circuitBreakers: ReadonlyMap<string, CircuitBreakerSpec>;
  readonly apps: ReadonlyMap<string, TargetSpec>;
  readonly actors: ReadonlyMap<string, ActorTargetSpec>;
  readonly components: ReadonlyMap<string, ComponentTargetSpec>;
}

export function readResiliency(envelope: Envelope): ResiliencyResource | undefined {
  return readSpec(envelope, (spec) => {
    const policies = spec.object('policies');
    const targets = spec.object('targets');
    const resource = {
      ...header(envelope),
      timeouts: mapOf(policies?.object('timeouts'), (group, name) => group.duration(name)),
      retries: objectsOf(policies?.object('retries'), retryOf),
      circuitBreakers: objectsOf(policies?.object('circuitBreakers'), circuitBreakerOf),
      apps: objectsOf(targets?.object('apps'), (target) => ({ ...targetOf(target), ...cacheSizeOf(target) })),
      actors: objectsOf(targets?.object('actors'), actorTargetOf),
      components: objectsOf(targets?.object('components'), componentTargetOf),
    };
    policies?.done();
    targets?.done();
    return resource;
  });
}

function mapOf<T>(
  group: FieldReader | undefined,
  read: (group: FieldReader, name: string) => T | undefined,
): Map<string, T> {
  const map = new Map<string, T>();
  for (const name of group?.names() ?? []) {
    const value = group && read(group, name);
    if (value !== undefined) map.set(name, value);
  }
  return map;
}

function objectsOf<T>(group: FieldReader | undefined, read: (entry: FieldReader) => T): Map<string, T> {
  return mapOf(group, (parent, name) => {
    const entry = parent.object(name);
    if (entry === undefined) return undefined;
    const value = read(entry);
    entry.done();
    return value;
  });
}

/** Defaults of Dapr: constant, without a limit. An empty object is such a retry. */
function retryOf(retry: FieldReader): RetrySpec {
  const matching = retry.object('matching');
  const httpStatusCodes = matching && codesOf(matching, 'httpStatusCodes', 100, 599);
  const grpcStatusCodes = matching && codesOf(matching, 'gRPCStatusCodes', 0, 16);
  matching?.done();
  const duration = retry.duration('duration');
  const maxInterval = retry.duration('maxInterval');
  return {
    policy: retry.oneOf('policy', ['constant', 'exponential']) ?? 'constant',
    ...(duration !== undefined && { duration }),
    ...(maxInterval !== undefined && { maxInterval }),
    maxRetries: Math.max(retry.integer('maxRetries') ?? -1, -1),
    ...(httpStatusCodes && { httpStatusCodes }),
    ...(grpcStatusCodes && { grpcStatusCodes }),
  };
}

/** `429,500-599`; `undefined` when the field is absent or empty. */
function codesOf(reader: FieldReader, name: string, min: number, max: number): CodeRanges | undefined {
  const text = reader.valueText(name)?.trim();
  if (text === undefined || text === '') return undefined;
  const ranges: [number, number][] = [];
  for (const part of text.split(',')) {
    const [, first, last = first] = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part) ?? [];
    const range: [number, number] = [Number(first ?? NaN), Number(last ?? NaN)];
    if (range[0] >= min && range[1] <= max && range[0] <= range[1]) ranges.push(range);
    else {
      const path = [...reader.path, name];
      reader.error(
        `"${part.trim()}" in ${path.join('.')} must be a code or a range of codes from ${min} to ${max}, such as "${max === 16 ? '8-11' : '500-599'}"`,
        path,
      );
    }
  }
  return ranges;
}

function circuitBreakerOf(breaker: FieldReader): CircuitBreakerSpec {
  const maxRequests = breaker.integer('maxRequests', 0);
  const interval = breaker.duration('interval');
  const timeout = breaker.duration('timeout');
  const trip = breaker.text('trip')?.trim();
  return {
    file: breaker.position.file,
    line: trip ? breaker.context.document.lineOf([...breaker.path, 'trip']) : breaker.position.line,
    ...(maxRequests !== undefined && { maxRequests }),
    ...(interval !== undefined && { interval }),
    ...(timeout !== undefined && { timeout }),
    ...(trip && { trip }),
  };
}

function targetOf(target: FieldReader): TargetSpec {
  const [timeout, retry, circuitBreaker] = ['timeout', 'retry', 'circuitBreaker'].map((name) => target.text(name));
  return {
    ...target.position,
    ...(timeout && { timeout }),
    ...(retry && { retry }),
    ...(circuitBreaker && { circuitBreaker }),
  };
}

function cacheSizeOf(target: FieldReader): { readonly circuitBreakerCacheSize?: number } {
  const circuitBreakerCacheSize = target.integer('circuitBreakerCacheSize', 0);
  return circuitBreakerCacheSize ? { circuitBreakerCacheSize } : {};
}

function actorTargetOf(target: FieldReader): ActorTargetSpec {
  const names = targetOf(target);
  const circuitBreakerScope = target.oneOf('circuitBreakerScope', ['type', 'id', 'both']);
  if (names.circuitBreaker !== undefined && circuitBreakerScope === undefined && !target.has('circuitBreakerScope')) {
    target.error(`${target.path.join('.')} has a circuitBreaker and so needs circuitBreakerScope: type, id or both`);
  }
  return { ...names, ...cacheSizeOf(target), ...(circuitBreakerScope && { circuitBreakerScope }) };
}

function componentTargetOf(target: FieldReader): ComponentTargetSpec {
  const [outbound, inbound] = ['outbound', 'inbound'].map((direction) => {
    const reader = target.object(direction);
    const spec = reader && targetOf(reader);
    reader?.done();
    return spec;
  });
  return { ...(outbound && { outbound }), ...(inbound && { inbound }) };
}
