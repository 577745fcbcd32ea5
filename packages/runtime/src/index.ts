export {
  type AppChannel,
  AppError,
  type AppRequest,
  type AppResponse,
  type Body,
  type BulkTopicEvent,
  type HeaderMap,
  type SubscriptionSpec,
  type TopicEvent,
  type TopicEventStatus,
} from './app-channel/app-channel.ts';
export { HttpAppChannel, type HttpAppChannelOptions } from './app-channel/http.ts';
export { type HttpAppProtocol } from './app-channel/http-client.ts';
export {
  type InProcessApp,
  inProcessApp,
  type InProcessSubscription,
  type InvokeAnswer,
  type InvokeHandler,
  type TopicEventContext,
  type TopicHandler,
  type TopicRoute,
} from './app-channel/in-process.ts';
export { type CloudEvent } from './blocks/cloud-event.ts';
export { type BulkPublishEvent, type FailedPublish, type PublishEvent, type PubSubTopics } from './blocks/pubsub.ts';
