export {
  ConfigurationItem,
  Etag,
  type HTTPExtension,
  HTTPExtension_Verb,
  InvokeRequest,
  InvokeResponse,
  StateItem,
  StateOptions,
  StateOptions_StateConcurrency,
  StateOptions_StateConsistency,
  StreamPayload,
} from './gen/dapr/proto/common/v1/common.ts';
export { APIVersion } from './gen/dapr/proto/internals/v1/apiversion.ts';
export {
  InternalInvokeRequest,
  InternalInvokeRequestStream,
  InternalInvokeResponse,
  InternalInvokeResponseStream,
  type ListStringValue,
  ServiceInvocationDefinition,
} from './gen/dapr/proto/internals/v1/service_invocation.ts';
export { Status } from './gen/dapr/proto/internals/v1/status.ts';
export { Any } from './gen/google/protobuf/any.ts';
export { Empty } from './gen/google/protobuf/empty.ts';
