import { errorMessage } from '@outrigger/core';

import { EventStream } from '../http/event-stream.ts';
import { type Exchange, jsonOf, replyJson, required, type Route } from '../http/exchange.ts';
import type { Instances } from '../instances/instances.ts';
import { askWell, newTraceparent } from '../instances/sidecar-api.ts';
import { TopicWatches } from './topic-watches.ts';

/** Topics, published to and watched through the sidecar of an instance, with what its app may see. */
export function topicRoutes(instances: Instances): Route[] {
  const watches = new TopicWatches();

  const publish = async (exchange: Exchange) => {
    const instance = await instances.find(exchange.params['id'] ?? '');
    const { pubsub, topic, data, contentType } = await jsonOf(exchange.request);
    const path = [required(pubsub, 'pubsub'), required(topic, 'topic')].map(encodeURIComponent).join('/');
    const { header, traceId } = newTraceparent(true);
    const type = typeof contentType === 'string' && contentType !== '' ? contentType : 'application/json';
    await askWell(instance, `/v1.0/publish/${path}`, {
      method: 'POST',
      headers: { traceparent: header, 'content-type': type },
      body: typeof data === 'string' ? data : '',
    });
    replyJson(exchange, { traceId });
  };

  const watch = async (exchange: Exchange) => {
    const { params, signal, url } = exchange;
    const instance = await instances.find(params['id'] ?? '');
    const pubsub = required(url.searchParams.get('pubsub'), 'pubsub');
    const topic = required(url.searchParams.get('topic'), 'topic');
    using stream = new EventStream(exchange);
    const ended = Promise.withResolvers<void>();
    const end = watches.add(
      instance,
      { pubsub, topic },
      {
        onSubscribed: () => stream.send('subscribed', { pubsub, topic }),
        onMessage: (message) => stream.send('message', message),
        onEnd: (error) => {
          stream.send('failed', { message: errorMessage(error) });
          ended.resolve();
        },
      },
    );
    signal.addEventListener('abort', () => ended.resolve(), { once: true });
    await ended.promise;
    end();
  };

  return [
    { method: 'POST', path: '/api/instances/:id/publish', handle: publish },
    { method: 'GET', path: '/api/instances/:id/watch', handle: watch },
  ];
}
