export {
  type AppChannel,
  AppError,
  type AppRequest,
  type AppResponse,
  type Body,
  type BulkTopicEvent,
  type GrpcAppStatus,
  type GrpcCaller,
  type HeaderMap,
  type InputBinding,
  type InputBindingAnswer,
  type InputBindingEvent,
  type SubscriptionSpec,
  type TopicEvent,
  type TopicEventStatus,
  UnfitRequestError,
  UnreachedAppError,
} from './app-channel/app-channel.ts';
export { type AppProtocol, appFailure } from './app-channel/app-failure.ts';
export { HttpAppChannel, type HttpAppChannelOptions } from './app-channel/http.ts';
export type { AppCallOutcome, HttpAppMeter, HttpAppProtocol } from './app-channel/http-client.ts';
export { dialUntilConnectable } from './app-channel/dial.ts';
export { headerValue, httpHeadersOf } from './app-channel/http-headers.ts';
export { KeptLabels } from './kept-labels.ts';
export { type MetricLabels, type Metrics, noMetrics } from './metrics.ts';
export type { Span, SpanAttributes, SpanKind, TraceContext, Tracer } from './tracing.ts';
export { headersOf } from './app-channel/raw-headers.ts';
export {
  type BindingAnswer,
  type BindingHandler,
  type InProcessApp,
  inProcessApp,
  type InProcessSubscription,
  type InvokeAnswer,
  type InvokeHandler,
  type TopicEventContext,
  type TopicHandler,
  type TopicRoute,
} from './app-channel/in-process.ts';
export { InvokeBindingError } from './blocks/bindings-errors.ts';
export type { BindingTrace, InvokeBinding, OutputBindings } from './blocks/bindings.ts';
export { type BindingComponent, OutputBindingsBlock } from './blocks/output-bindings.ts';
export { isTraceparent } from './blocks/traceparent.ts';
export {
  ConfigurationBlock,
  type ConfigurationBlockOptions,
  type ConfigurationComponent,
  type ConfigurationHandle,
  type ConfigurationSubscription,
} from './blocks/configuration.ts';
export {
  LockBlock,
  type LockBlockOptions,
  type LockComponent,
  type LockHandle,
  type LockRequest,
} from './blocks/lock.ts';
export type { CloudEvent } from './blocks/cloud-event.ts';
export { cancelBody } from './blocks/invocation-body.ts';
export { createInvocation } from './blocks/invocation-block.ts';
export { isUntouchedByApp, PeerError } from './blocks/invocation-errors.ts';
export { isReplayable } from './app-channel/replayable-body.ts';
export { cleanPath, methodOf } from './blocks/invocation-path.ts';
export type {
  Invocation,
  InvocationOptions,
  InvokeRequest,
  PeerTransport,
  ProxyAnswer,
  ProxyHop,
  ProxyRequest,
} from './blocks/invocation.ts';
export type { PeerIdentity } from './blocks/peer-identity.ts';
export type { BulkPublishEvent, FailedPublish, PublishEvent, PubSubTopics } from './blocks/pubsub.ts';
export { SecretsBlock, type SecretsBlockOptions, type SecretsComponent, type SecretsHandle } from './blocks/secrets.ts';
export { queryFailed } from './blocks/state-errors.ts';
export {
  type BulkStateItem,
  type SaveItem,
  StateBlock,
  type StateBlockOptions,
  type StateComponent,
  type StateDeleteOptions,
  type StateHandle,
  type StateKeys,
  type StateKeysRequest,
  type StateReadOptions,
  type TransactionOperation,
} from './blocks/state.ts';
export {
  ApiError,
  type ApiErrorInit,
  appIdNotMatch,
  bodyRead,
  type ErrorDetail,
  grpcStatus,
  type GrpcStatusName,
  internal,
  malformedBody,
  malformedRequest,
  noAppId,
  notReady,
  outboundNotReady,
  withoutSecrets,
} from './errors.ts';
export { blockFields } from './components/block-fields.ts';
export { capabilitiesOf } from './components/capabilities.ts';
export type { ComponentSource, WantedType } from './components/component-source.ts';
export { packageDefinitions } from './components/package-definitions.ts';
export type { ConfigurationChange } from './reload/configuration-reloads.ts';
export { createRuntime } from './create-runtime.ts';
export { SecretTexts } from './secret-texts.ts';
export type { ComponentResource } from './resources/component-resource.ts';
export type { ApiRule, Configuration } from './resources/configuration.ts';
export { loadConfiguration } from './resources/load-configuration.ts';
export { describeProblem, type Problem, Problems, ResourceError } from './resources/problems.ts';
export type {
  ActiveSubscription,
  LoadedComponent,
  ReloadOptions,
  RunningSubscription,
  Runtime,
  RuntimeOptions,
  StreamingSubscription,
} from './runtime.ts';
export { ttlInSeconds } from './blocks/state-request.ts';
export { secretNotFound } from './blocks/secrets-errors.ts';
