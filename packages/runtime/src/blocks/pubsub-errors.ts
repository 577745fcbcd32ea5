import { errorMessage, type RequestMetadata } from '@outrigger/core';

import { ApiError, type ErrorDetail, errorInfo, type GrpcStatusName } from '../errors.ts';

/** Dapr's errors of the pub/sub API, each with its code, statuses and `google.rpc` details. */
export const pubsubErrors = {
  notFound: (name: string, metadata: RequestMetadata): ApiError =>
    rich(`pubsub ${name} is not found`, ['ERR_PUBSUB_NOT_FOUND', 404, 'INVALID_ARGUMENT', 'NOT_FOUND'], {
      metadata,
      grpcMetadata: {},
    }),

  nameEmpty: (metadata: RequestMetadata): ApiError =>
    rich('pubsub name is empty', ['ERR_PUBSUB_EMPTY', 404, 'INVALID_ARGUMENT', 'NAME_EMPTY'], { name: '', metadata }),

  topicEmpty: (name: string, metadata: RequestMetadata): ApiError =>
    rich(`topic is empty in pubsub ${name}`, ['ERR_TOPIC_NAME_EMPTY', 404, 'INVALID_ARGUMENT', 'TOPIC_NAME_EMPTY'], {
      name,
      metadata,
    }),

  badMetadata: (name: string, metadata: RequestMetadata, cause: unknown): ApiError =>
    rich(
      `failed deserializing metadata. Error: ${errorMessage(cause)}`,
      ['ERR_PUBSUB_REQUEST_METADATA', 400, 'INVALID_ARGUMENT', 'METADATA_DESERIALIZATION'],
      { name, metadata },
    ),

  forbidden: (name: string, topic: string, appId: string): ApiError => {
    const message = `topic ${topic} is not allowed for app id ${appId}`;
    return rich(message, ['ERR_PUBSUB_FORBIDDEN', 403, 'PERMISSION_DENIED', 'FORBIDDEN'], {
      name,
      metadata: { topic, error: message },
    });
  },

  notAnEvent: (name: string, appId: string, cause: unknown): ApiError =>
    rich('cannot create cloudevent', ['ERR_PUBSUB_CLOUD_EVENTS_SER', 500, 'INVALID_ARGUMENT', 'CLOUD_EVENT_CREATION'], {
      name,
      metadata: { appID: appId, error: errorMessage(cause) },
      cause,
    }),

  /** The body of a bulk request is not what it should be. */
  badEntries: (name: string, topic: string, appId: string, cause: unknown): ApiError =>
    rich(
      `error when unmarshaling the request for topic ${topic} pubsub ${name}: ${errorMessage(cause)}`,
      ['ERR_PUBSUB_EVENTS_SER', 400, 'INVALID_ARGUMENT', 'UNMARSHAL_EVENTS'],
      { name, metadata: { appID: appId } },
    ),

  /** An entry's event does not fit its content type. */
  badEvent: (name: string, topic: string, appId: string, reason: string): ApiError =>
    rich(
      `error when marshalling cloud event envelope for topic ${topic} pubsub ${name}: ${reason}`,
      ['ERR_PUBSUB_EVENTS_SER', 400, 'INVALID_ARGUMENT', 'MARSHAL_ENVELOPE'],
      { name, metadata: { appID: appId, error: reason } },
    ),

  badEntryId: (name: string, topic: string, appId: string): ApiError => {
    const reason = 'entryId is duplicated or not present for entry';
    return rich(
      `error marshaling events to bytes for topic ${topic} pubsub ${name}. error: ${reason}`,
      ['ERR_PUBSUB_EVENTS_SER', 400, 'INVALID_ARGUMENT', 'MARSHAL_EVENTS'],
      { name, metadata: { appID: appId, error: reason } },
    );
  },

  /** A subscription that does not say to what; with the gRPC status that Dapr's plain errors have. */
  subscriptionLacks: (field: 'pubsubName' | 'topic'): ApiError =>
    new ApiError(`${field} is required`, {
      errorCode: 'ERR_PUBSUB_SUBSCRIBE',
      httpStatus: 400,
      grpcStatus: 'UNKNOWN',
    }),

  subscribeFailed: (name: string, cause: unknown): ApiError =>
    new ApiError(`failed to create subscription for ${name}: ${errorMessage(cause)}`, {
      errorCode: 'ERR_PUBSUB_SUBSCRIBE',
      httpStatus: 500,
      grpcStatus: 'UNKNOWN',
      cause,
    }),

  /** A subscription that comes while the runtime ends its subscriptions. */
  stopping: (name: string, topic: string): ApiError =>
    new ApiError(`cannot subscribe to topic ${topic} on pubsub ${name}: the runtime is stopping`, {
      errorCode: 'ERR_PUBSUB_SUBSCRIBE',
      httpStatus: 503,
      grpcStatus: 'UNAVAILABLE',
    }),

  publishFailed: (name: string, topic: string, cause: unknown): ApiError =>
    rich(
      `error when publishing to topic ${topic} in pubsub ${name}: ${errorMessage(cause)}`,
      ['ERR_PUBSUB_PUBLISH_MESSAGE', 500, 'INTERNAL', 'PUBLISH_MESSAGE'],
      { name, metadata: { topic, error: errorMessage(cause) }, cause },
    ),
};

interface About {
  /** Of the pub/sub; absent: no detail names it. */
  readonly name?: string;
  readonly metadata: RequestMetadata;
  /** What gRPC callers get in place of `metadata`. */
  readonly grpcMetadata?: RequestMetadata;
  readonly cause?: unknown;
}

function rich(
  message: string,
  [errorCode, httpStatus, grpcStatus, reason]: readonly [string, number, GrpcStatusName, string],
  { name, metadata, grpcMetadata, cause }: About,
): ApiError {
  const info = (about: RequestMetadata): ErrorDetail => errorInfo(`DAPR_PUBSUB_${reason}`, about);
  const resources: ErrorDetail[] = [];
  if (name !== undefined) {
    resources.push({
      '@type': 'type.googleapis.com/google.rpc.ResourceInfo',
      description: message,
      owner: '',
      resource_name: name,
      resource_type: 'pubsub',
    });
  }
  return new ApiError(message, {
    errorCode,
    httpStatus,
    grpcStatus,
    details: [info(metadata), ...resources],
    ...(grpcMetadata && { grpcDetails: [info(grpcMetadata), ...resources] }),
    cause,
  });
}
