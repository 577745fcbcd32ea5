import type { RequestMetadata, StateItem as StoredItem } from '@outrigger/core';
import type { StateItem } from '@outrigger/protocol';
import {
  DaprDefinition,
  type DeleteStateRequest,
  type GetStateRequest,
  type GetStateResponse,
  type TransactionalStateOperation,
} from '@outrigger/protocol/runtime';
import {
  malformedRequest,
  type Runtime,
  type SaveItem,
  type StateDeleteOptions,
  type StateReadOptions,
  type TransactionOperation,
} from '@outrigger/runtime';

import { asBuffer, type ServiceMethod, unary } from '@outrigger/grpc';
import { callerTrace } from '../../grpc/trace.ts';
import { rfc3339 } from './state-reply.ts';
import { readQuery } from './state-json.ts';

const api = { name: 'state', version: 'v1' };
const alpha = { name: 'state', version: 'v1alpha1' };
const { methods } = DaprDefinition;

const none: GetStateResponse = { data: Buffer.alloc(0), etag: '', metadata: {} };
const noMetadata = {};

/** The methods of the state building block. */
export function stateMethods(runtime: Pick<Runtime, 'state'>): ServiceMethod[] {
  return [
    unary(
      methods.getState,
      async (request, { signal }) =>
        answerOf(await runtime.state(request.storeName).get(request.key, readOptions(request), signal)),
      api,
    ),
    unary(
      methods.getBulkState,
      async ({ storeName, keys, parallelism, metadata }, { signal }) => {
        const items = await runtime.state(storeName).getBulk(keys, { parallelism, metadata }, signal);
        return { items: items.map(({ key, item, error = '' }) => ({ key, error, ...answerOf(item) })) };
      },
      api,
    ),
    unary(
      methods.saveState,
      async ({ storeName, states }, { signal }) => {
        await runtime.state(storeName).save(states.map(saveItem), signal);
        return {};
      },
      api,
    ),
    unary(
      methods.deleteState,
      async (request, { signal }) => {
        await runtime.state(request.storeName).delete(request.key, deleteOptions(request), signal);
        return {};
      },
      api,
    ),
    unary(
      methods.deleteBulkState,
      async ({ storeName, states }, { signal }) => {
        const items = states.map((item) => ({ key: item.key, ...deleteOptions(item) }));
        await runtime.state(storeName).deleteBulk(items, signal);
        return {};
      },
      api,
    ),
    unary(
      methods.executeStateTransaction,
      async ({ storeName, operations, metadata }, context) => {
        const trace = callerTrace(context);
        await runtime.state(storeName).transact(operations.map(operationOf), metadata, context.signal, trace);
        return {};
      },
      api,
    ),
    unary(
      methods.queryStateAlpha1,
      async ({ storeName, query, metadata }, { signal }) => {
        const store = runtime.state(storeName);
        const found = await store.query(readQuery(Buffer.from(query), storeName), metadata, signal);
        if (found.items.length === 0) return { results: [], token: '', metadata: {} };
        return {
          results: found.items.map(({ key, value, etag = '' }) => ({ key, data: asBuffer(value), etag, error: '' })),
          token: found.token ?? '',
          metadata: { ...found.metadata },
        };
      },
      alpha,
    ),
  ];
}

/** A missing item is an answer without anything. */
function answerOf(item: StoredItem | undefined): GetStateResponse {
  if (item === undefined) return none;
  const { value, etag = '', expiresAt } = item;
  return {
    data: asBuffer(value),
    etag,
    metadata: expiresAt === undefined ? noMetadata : { ttlExpireTime: rfc3339(expiresAt) },
  };
}

function readOptions({ consistency, metadata }: GetStateRequest): StateReadOptions | undefined {
  const word = consistencyOf(consistency);
  if (word !== undefined) return { consistency: word, metadata };
  for (const _ in metadata) return { metadata };
  return undefined;
}

/** Values are stored as the bytes that came; what its metadata calls JSON has to be JSON. */
function saveItem(item: StateItem): SaveItem {
  if (item.metadata['contentType'] === 'application/json') checkJson(item);
  return { ...deleteOptions(item), key: item.key, value: item.value };
}

function deleteOptions({
  etag,
  options,
  metadata,
}: Pick<DeleteStateRequest, 'etag' | 'options' | 'metadata'>): StateDeleteOptions & { metadata: RequestMetadata } {
  const concurrency = concurrencyOf(options?.concurrency);
  const consistency = consistencyOf(options?.consistency);
  return {
    metadata,
    ...(etag !== undefined && { etag: etag.value }),
    ...(concurrency !== undefined && { concurrency }),
    ...(consistency !== undefined && { consistency }),
  };
}

function operationOf({ operationType, request }: TransactionalStateOperation): TransactionOperation {
  const item = request ?? { key: '', value: Buffer.alloc(0), metadata: {} };
  if (operationType === 'delete') {
    return { operation: operationType, request: { key: item.key, ...deleteOptions(item) } };
  }
  // The building block refuses words that are neither.
  return {
    operation: operationType as 'upsert',
    request: { ...deleteOptions(item), key: item.key, value: item.value },
  };
}

/** Numbers that Dapr does not know mean: none. */
function consistencyOf(consistency: number | undefined): StateReadOptions['consistency'] {
  return consistency === 1 ? 'eventual' : consistency === 2 ? 'strong' : undefined;
}

function concurrencyOf(concurrency: number | undefined): StateDeleteOptions['concurrency'] {
  return concurrency === 1 ? 'first-write' : concurrency === 2 ? 'last-write' : undefined;
}

function checkJson({ key, value }: StateItem): void {
  try {
    JSON.parse(value.toString());
  } catch {
    throw malformedRequest(`the value of ${key} is not JSON, which its metadata contentType says that it is`);
  }
}
