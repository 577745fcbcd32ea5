export {
  type ComponentDefinition,
  type ComponentKind,
  type ComponentKinds,
  type CreateContext,
  defineComponent,
  isComponentDefinition,
  kindOfTypePrefix,
  spiVersion,
} from './component.ts';
export { DeliveryQueue, type DeliveryQueueOptions } from './delivery-queue.ts';
export { ComponentError, type ErrorCode, errorMessage } from './errors.ts';
export { type LikePart, likeMatcher, parseLike } from './like.ts';
export { type LogFields, type Logger, type LogLevel, silentLogger } from './logger.ts';
export {
  type Field,
  field,
  type FieldOptions,
  type Fields,
  metadataTable,
  type MetadataOf,
  type MetadataProblem,
  nearestName,
  type ParsedMetadata,
  parseMetadata,
} from './metadata.ts';
export { metadataJsonSchema } from './json-schema.ts';
export { parseBoolean, parseByteSize, parseDuration } from './quantities.ts';
export { OpenCalls, type OpenCallsOptions } from './open-calls.ts';
export type {
  BulkOutcome,
  Concurrency,
  Consistency,
  KeysLikeRequest,
  RequestMetadata,
  StateDeleteRequest,
  StateFeature,
  StateGetRequest,
  StateItem,
  StateOperation,
  StateQueryResult,
  StateSetRequest,
  StateStore,
} from './state.ts';
export { parseStateQuery, type QueryValue, type StateFilter, type StateQuery } from './state-query.ts';
export {
  type BulkMessageHandler,
  type BulkPublishEntry,
  type BulkPublishRequest,
  type BulkSubscribeRequest,
  DropMessage,
  type Message,
  type MessageHandler,
  type PublishRequest,
  type PubSub,
  type PubSubFeature,
  type SubscribeRequest,
  type Subscription,
} from './pubsub.ts';
export { openSecretService, type SecretService } from './secret-service.ts';
export type { Secret, SecretStore, SecretStoreFeature } from './secrets.ts';
export {
  BindingError,
  type BindingEvent,
  type BindingEventHandler,
  type BindingRequest,
  type BindingResponse,
  type Bindings,
} from './bindings.ts';
export type {
  ConfigurationItem,
  ConfigurationItems,
  ConfigurationRequest,
  ConfigurationStore,
} from './configuration.ts';
export type { LockStore, UnlockOutcome } from './lock.ts';
export type { Ciphertext, CryptoProvider, DecryptRequest, EncryptRequest, PublicJwk } from './crypto.ts';
export type { AppInstance, NameResolver, ResolveRequest } from './name-resolution.ts';
export type { HttpMiddleware, MiddlewareChange, MiddlewareRequest, MiddlewareResponse } from './http-middleware.ts';
export { abortable } from './resilience/abortable.ts';
export {
  type Backoff,
  constantBackoff,
  exponentialBackoff,
  type ExponentialBackoffOptions,
} from './resilience/backoff.ts';
export { type Bulkhead, bulkhead, BulkheadFullError, type BulkheadOptions } from './resilience/bulkhead.ts';
export {
  BrokenCircuitError,
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  type CircuitCounts,
  type CircuitState,
} from './resilience/circuit-breaker.ts';
export {
  noPolicy,
  type Policy,
  policy,
  type PolicyLayer,
  type PolicyOptions,
  type RecoveryEvent,
  type RetryEvent,
} from './resilience/policy.ts';
export { type Retry, retry, type RetryOptions } from './resilience/retry.ts';
export { sleep } from './resilience/sleep.ts';
export { type Call, type Timeout, timeout, TimeoutError, type TimeoutEvent } from './resilience/timeout.ts';
export { judgeError, type Verdict } from './resilience/verdict.ts';
