import { type ServiceError, status } from '@grpc/grpc-js';
import type { StateItem } from '@outrigger/protocol';
import { DaprDefinition } from '@outrigger/protocol/runtime';
import type { Runtime } from '@outrigger/runtime';

import { stateMethods } from '../src/blocks/state/grpc.ts';
import { stateRoutes } from '../src/blocks/state/http.ts';
import type { MethodDescription } from '@outrigger/grpc';
import { serveGrpc } from '@outrigger/grpc/testing';
import { serve } from './served.ts';

interface Item {
  readonly key: string;
  /** JSON text. */
  readonly value?: string;
  readonly etag?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly concurrency?: 'first-write' | 'last-write';
  readonly consistency?: 'strong' | 'eventual';
}

interface Found {
  readonly value: string;
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A refusal as this edge tells it. */
export class Refusal extends Error {
  /** HTTP status, or the name of the gRPC status. */
  readonly status: number | string | undefined;

  constructor(message: string, code: number | string | undefined) {
    super(message);
    this.status = code;
  }
}

/** The state API as its callers see it, whichever edge they call. Failures are {@link Refusal}s. */
export interface StateEdge {
  get(store: string, key: string, metadata?: Readonly<Record<string, string>>): Promise<Found | undefined>;
  save(store: string, items: readonly Item[]): Promise<void>;
  remove(store: string, item: Item): Promise<void>;
  getBulk(store: string, keys: readonly string[]): Promise<readonly (Partial<Found> & { readonly key: string })[]>;
  transact(store: string, operations: readonly (readonly [string, Item])[]): Promise<void>;
  query(store: string, query: string): Promise<void>;
}

export async function stateOverHttp(runtime: Pick<Runtime, 'state'>): Promise<StateEdge> {
  const { url } = await serve({ routes: stateRoutes(runtime) });
  const call = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) });
    if (answer.ok) return answer;
    throw new Refusal(((await answer.json()) as { message: string }).message, answer.status);
  };
  const json = ({ key, value, etag, metadata, concurrency, consistency }: Item) => {
    const rest = JSON.stringify({ key, etag, metadata, options: { concurrency, consistency } });
    return value === undefined ? rest : `${rest.slice(0, -1)},"value":${value}}`;
  };
  return {
    get: async (store, key, metadata = {}) => {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(metadata)) query.set(`metadata.${name}`, value);
      const answer = await call('GET', `/v1.0/state/${store}/${encodeURIComponent(key)}?${query.toString()}`);
      if (answer.status === 204) return undefined;
      const ttl = answer.headers.get('metadata.ttlexpiretime');
      return {
        value: await answer.text(),
        etag: answer.headers.get('etag') ?? '',
        metadata: ttl === null ? {} : { ttlExpireTime: ttl },
      };
    },
    save: async (store, items) => void (await call('POST', `/v1.0/state/${store}`, `[${items.map(json).join(',')}]`)),
    remove: async (store, { key, etag, concurrency, consistency }) => {
      const query = new URLSearchParams({ ...(concurrency && { concurrency }), ...(consistency && { consistency }) });
      const path = `/v1.0/state/${store}/${encodeURIComponent(key)}?${query.toString()}`;
      await call('DELETE', path, undefined, etag === undefined ? {} : { 'if-match': etag });
    },
    getBulk: async (store, keys) => {
      const answer = await call('POST', `/v1.0/state/${store}/bulk`, JSON.stringify({ keys }));
      const items = (await answer.json()) as (Partial<Found> & { readonly key: string; readonly data?: unknown })[];
      return items.map(({ key, data, etag, metadata }) => ({
        key,
        ...(data !== undefined && { value: JSON.stringify(data) }),
        ...(etag && { etag }),
        ...(metadata && { metadata }),
      }));
    },
    transact: async (store, operations) => {
      const texts = operations.map(([operation, item]) => `{"operation":"${operation}","request":${json(item)}}`);
      await call('POST', `/v1.0/state/${store}/transaction`, `{"operations":[${texts.join(',')}]}`);
    },
    query: async (store, query) => void (await call('POST', `/v1.0-alpha1/state/${store}/query`, query)),
  };
}

export async function stateOverGrpc(runtime: Pick<Runtime, 'state'>): Promise<StateEdge> {
  const { fullName, methods } = DaprDefinition;
  const client = await serveGrpc({ services: [{ name: fullName, methods: stateMethods(runtime) }] });
  const call = async <I, O>(method: MethodDescription<I, O>, request: I): Promise<O> => {
    try {
      return await client.call(fullName, method, request);
    } catch (error) {
      const { code, details } = error as ServiceError;
      throw new Refusal(details, status[code]);
    }
  };
  const message = ({ key, value = '', etag, metadata = {}, concurrency, consistency }: Item): StateItem => ({
    key,
    value: Buffer.from(value),
    metadata: { ...metadata },
    etag: etag === undefined ? undefined : { value: etag },
    options: {
      concurrency: concurrency === 'first-write' ? 1 : concurrency === 'last-write' ? 2 : 0,
      consistency: consistency === 'eventual' ? 1 : consistency === 'strong' ? 2 : 0,
    },
  });
  return {
    get: async (storeName, key, metadata = {}) => {
      const request = { storeName, key, consistency: 0, metadata: { ...metadata } } as const;
      const { data, ...rest } = await call(methods.getState, request);
      return data.byteLength === 0 && rest.etag === '' ? undefined : { value: data.toString(), ...rest };
    },
    save: async (storeName, items) => void (await call(methods.saveState, { storeName, states: items.map(message) })),
    remove: async (storeName, item) => {
      const { value: _, ...request } = message(item);
      await call(methods.deleteState, { storeName, ...request });
    },
    getBulk: async (storeName, keys) => {
      const request = { storeName, keys: [...keys], parallelism: 0, metadata: {} };
      const { items } = await call(methods.getBulkState, request);
      return items.map(({ key, data, etag, metadata }) => ({
        key,
        ...(data.byteLength > 0 && { value: data.toString() }),
        ...(etag !== '' && { etag }),
        ...(Object.keys(metadata).length > 0 && { metadata }),
      }));
    },
    transact: async (storeName, operations) => {
      const messages = operations.map(([operationType, item]) => ({ operationType, request: message(item) }));
      await call(methods.executeStateTransaction, { storeName, operations: messages, metadata: {} });
    },
    query: async (storeName, query) => void (await call(methods.queryStateAlpha1, { storeName, query, metadata: {} })),
  };
}
