import {
  type BulkOutcome,
  ComponentError,
  parseStateQuery,
  type RequestMetadata,
  type StateDeleteRequest,
  type StateGetRequest,
  type StateItem,
  type StateOperation,
  type StateSetRequest,
  type StateStore,
} from '@outrigger/core';
import { asBuffer, type CallContext, type Service, unary } from '@outrigger/grpc';
import {
  type DeleteRequest,
  type GetRequest,
  type QueryRequest,
  type SetRequest,
  Sorting_Order,
  type StateOptions,
  StateOptions_StateConcurrency as ConcurrencyCode,
  StateOptions_StateConsistency as ConsistencyCode,
  StateStoreDefinition,
  type TransactionalStateRequest,
} from '@outrigger/protocol/components';
import { capabilitiesOf, ttlInSeconds } from '@outrigger/runtime';

import { queriable, transactional, transactionSize } from '../services.ts';
import { failureStatus } from './failure-status.ts';
import { type Instances, unsupported } from './instances.ts';

/** What the protocol has calls for. */
const features: ReadonlySet<string> = new Set(['ETAG', 'TRANSACTIONAL', 'TTL', 'QUERY_API']);

/** All that a state store may have; what this one lacks is refused when it is called, and not among its features. */
export function stateServices(instances: Instances<'state'>): readonly Service[] {
  const { fullName, methods } = StateStoreDefinition;
  /** Runs one call on the store it is about; `hasEtag`: it may be refused for that. */
  const on = async <T>(
    context: CallContext,
    run: (store: StateStore, signal: AbortSignal) => Promise<T>,
    hasEtag = false,
  ): Promise<T> => {
    const store = await instances.of(context);
    try {
      return await run(store, context.signal);
    } catch (error) {
      throw failureStatus(error, instances.logger, hasEtag);
    }
  };
  const store: Service = {
    name: fullName,
    methods: [
      unary(methods.init, async ({ metadata }, context) => {
        await instances.init(metadata?.properties ?? {}, context);
        return {};
      }),
      unary(methods.features, async (_, context) => ({
        features: capabilitiesOf('state', await instances.of(context)).filter((name) => features.has(name)),
      })),
      unary(methods.ping, () => ({})),
      unary(methods.get, (request, context) =>
        on(context, async (target, signal) => answerOf(await target.get(readOf(request), signal))),
      ),
      unary(methods.set, (request, context) =>
        on(context, async (target, signal) => (await target.set(writeOf(request), signal), {}), hasEtag(request)),
      ),
      unary(methods.delete, (request, context) =>
        on(context, async (target, signal) => (await target.delete(deletionOf(request), signal), {}), hasEtag(request)),
      ),
      unary(methods.bulkGet, ({ items }, context) =>
        on(context, async (target, signal) => {
          const requests = items.map(readOf);
          const outcomes = await (target.getMany?.(requests, signal) ??
            each(requests, (request) => target.get(request, signal)));
          return {
            items: outcomes.map((outcome, index) => {
              const key = requests[index]?.key ?? '';
              if (outcome.ok) return { key, error: '', ...answerOf(outcome.value) };
              return { key, error: ComponentError.from(outcome.error).message, ...answerOf(undefined) };
            }),
          };
        }),
      ),
      unary(methods.bulkSet, ({ items }, context) =>
        on(
          context,
          async (target, signal) => {
            const requests = items.map(writeOf);
            return throwFirst(
              await (target.setMany?.(requests, signal) ?? each(requests, (request) => target.set(request, signal))),
            );
          },
          items.some(hasEtag),
        ),
      ),
      unary(methods.bulkDelete, ({ items }, context) =>
        on(
          context,
          async (target, signal) => {
            const requests = items.map(deletionOf);
            return throwFirst(
              await (target.deleteMany?.(requests, signal) ??
                each(requests, (request) => target.delete(request, signal))),
            );
          },
          items.some(hasEtag),
        ),
      ),
    ],
  };
  const transactions: Service = {
    name: transactional.fullName,
    methods: [
      unary(transactional.methods.transact, (request, context) =>
        on(
          context,
          async (target, signal) => {
            if (target.transact === undefined) throw unsupported('transactions');
            await target.transact(request.operations.flatMap(operationOf), request.metadata, signal);
            return {};
          },
          request.operations.some(({ set, delete: deletion }) => hasEtag(set) || hasEtag(deletion)),
        ),
      ),
    ],
  };
  const sizes: Service = {
    name: transactionSize.fullName,
    methods: [
      unary(transactionSize.methods.multiMaxSize, async (_, context) => ({
        // Dapr takes -1 for no limit.
        maxSize: BigInt((await instances.of(context)).maxTransactionSize ?? -1),
      })),
    ],
  };
  const queries: Service = {
    name: queriable.fullName,
    methods: [
      unary(queriable.methods.query, (request, context) =>
        on(context, async (target, signal) => {
          if (target.query === undefined) throw unsupported('queries');
          const result = await target.query(queryOf(request), request.metadata, signal);
          return {
            items: result.items.map(({ key, ...item }) => ({ key, error: '', ...answerOf(item) })),
            token: result.token ?? '',
            metadata: { ...result.metadata },
          };
        }),
      ),
    ],
  };
  return [store, transactions, sizes, queries];
}

function readOf({ key, metadata, consistency }: GetRequest): StateGetRequest {
  return { key, metadata, ...consistencyOf(consistency) };
}

function writeOf(request: SetRequest): StateSetRequest {
  const { key, value, metadata, contentType } = request;
  const ttl = timeToLive(metadata);
  return {
    key,
    value,
    metadata,
    ...conditionOf(request),
    ...(ttl !== undefined && { ttlInSeconds: ttl }),
    ...(contentType !== '' && { contentType }),
  };
}

function timeToLive(metadata: RequestMetadata): number | undefined {
  try {
    return ttlInSeconds(metadata);
  } catch (error) {
    throw ComponentError.from(error, 'invalid-argument');
  }
}

function deletionOf(request: DeleteRequest): StateDeleteRequest {
  return { key: request.key, metadata: request.metadata, ...conditionOf(request) };
}

function operationOf({ set, delete: deletion }: TransactionalStateRequest['operations'][number]): StateOperation[] {
  if (set !== undefined) return [{ operation: 'set', ...writeOf(set) }];
  if (deletion !== undefined) return [{ operation: 'delete', ...deletionOf(deletion) }];
  return [];
}

function conditionOf({
  etag,
  options,
}: {
  readonly etag?: { readonly value: string } | undefined;
  readonly options?: StateOptions | undefined;
}) {
  return {
    ...(etag?.value && { etag: etag.value }),
    ...(options?.concurrency === ConcurrencyCode.CONCURRENCY_FIRST_WRITE && { concurrency: 'first-write' as const }),
    ...(options?.concurrency === ConcurrencyCode.CONCURRENCY_LAST_WRITE && { concurrency: 'last-write' as const }),
    ...(options !== undefined && consistencyOf(options.consistency)),
  };
}

function consistencyOf(code: ConsistencyCode) {
  if (code === ConsistencyCode.CONSISTENCY_STRONG) return { consistency: 'strong' as const };
  return code === ConsistencyCode.CONSISTENCY_EVENTUAL ? { consistency: 'eventual' as const } : {};
}

function hasEtag(request: SetRequest | DeleteRequest | undefined): boolean {
  return Boolean(request?.etag?.value);
}

/** The protocol has no absence: no data and no etag is no item. */
function answerOf(item: StateItem | undefined) {
  if (item === undefined) return { data: Buffer.alloc(0), metadata: {}, contentType: '' };
  const { value, etag, expiresAt } = item;
  return {
    data: asBuffer(value),
    ...(etag !== undefined && { etag: { value: etag } }),
    metadata: expiresAt === undefined ? {} : { ttlExpireTime: expiresAt.toISOString() },
    contentType: '',
  };
}

/** Each filter is an operator, and in a value without a type the JSON of what it is applied to. */
function queryOf({ query }: QueryRequest) {
  const filter: Record<string, unknown> = {};
  for (const [operator, { value }] of Object.entries(query?.filter ?? {})) {
    try {
      filter[operator] = JSON.parse(value.toString());
    } catch (error) {
      throw new ComponentError('invalid-argument', `filter.${operator} is not JSON`, { cause: error });
    }
  }
  const { limit = 0n, token = '' } = query?.pagination ?? {};
  const sort = (query?.sort ?? []).map(({ key, order }) => ({
    key,
    order: order === Sorting_Order.DESC ? 'DESC' : 'ASC',
  }));
  return parseStateQuery({ filter, sort, page: { limit: Number(limit), token } });
}

/** The protocol answers for all entries at once: with the first error there is. */
function throwFirst(outcomes: readonly BulkOutcome<void>[]): Record<string, never> {
  for (const outcome of outcomes) if (!outcome.ok) throw outcome.error;
  return {};
}

function each<R, T>(requests: readonly R[], run: (request: R) => Promise<T>): Promise<BulkOutcome<T>[]> {
  return Promise.all(
    requests.map((request) =>
      run(request).then(
        (value): BulkOutcome<T> => ({ ok: true, value }),
        (error: unknown): BulkOutcome<T> => ({ ok: false, error }),
      ),
    ),
  );
}
