import type { PublishEvent, PubSubTopics } from '@outrigger/runtime';

import { headerOf } from '../../http/headers.ts';
import { replyEmpty, replyJson } from '../../http/reply.ts';
import type { HttpExchange, Route } from '../../http/route.ts';
import { requestTrace } from '../../http/traceparent.ts';

/** Publish and bulk publish (routes 7 to 9 of the HTTP API). */
export function pubsubRoutes(pubsub: PubSubTopics): readonly Route[] {
  const publish = async (exchange: HttpExchange): Promise<void> => {
    const data = await exchange.body();
    const contentType = headerOf(exchange.request, 'content-type') ?? '';
    await pubsub.publish({ ...target(exchange), data, contentType }, exchange.signal());
    replyEmpty(exchange);
  };

  const publishMany = async (exchange: HttpExchange): Promise<void> => {
    const event = { ...target(exchange), spanName: exchange.path };
    const failedEntries = await pubsub.publishManyJson(event, await exchange.body(), exchange.signal());
    if (failedEntries.length === 0) replyEmpty(exchange);
    else replyJson(exchange, 500, { failedEntries, errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE' });
  };

  const methods = ['POST', 'PUT'];
  const bulk = (prefix: string, version: string): Route => ({
    methods,
    pattern: `/${prefix}/publish/bulk/{pubsub}/{topic…}`,
    api: { name: 'publish', version },
    handle: publishMany,
  });
  return [
    bulk('v1.0', 'v1'),
    bulk('v1.0-alpha1', 'v1alpha1'),
    { methods, pattern: '/v1.0/publish/{pubsub}/{topic…}', api: { name: 'publish', version: 'v1' }, handle: publish },
  ];
}

function target(exchange: HttpExchange): Omit<PublishEvent, 'data'> {
  const { params, request } = exchange;
  return {
    pubsubName: params[0] ?? '',
    topic: params[1] ?? '',
    metadata: exchange.metadata(),
    ...requestTrace(request),
  };
}
