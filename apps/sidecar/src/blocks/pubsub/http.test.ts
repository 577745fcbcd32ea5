import type { BulkPublishEvent, FailedPublish, PublishEvent, PubSubTopics } from '@outrigger/runtime';
import { describe, expect, test } from 'vitest';

import { serve } from '../../../test/served.ts';
import { pubsubRoutes } from './http.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** Keeps what is published; `failed` is what bulk publishing answers. */
async function api(failed: readonly FailedPublish[] = []) {
  const published: (PublishEvent | (Omit<BulkPublishEvent, 'entries'> & { entries: string }))[] = [];
  const pubsub: PubSubTopics = {
    publish: async (event) => void published.push(event),
    publishMany: async () => failed,
    publishManyJson: async (event, entries) => {
      published.push({ ...event, entries: Buffer.from(entries).toString() });
      return failed;
    },
  };
  const { url } = await serve({ routes: pubsubRoutes(pubsub) });
  const call = async (path: string, body: string, headers: Record<string, string> = {}, method = 'POST') => {
    const response = await fetch(url + path, { method, headers, body });
    return { status: response.status, text: await response.text() };
  };
  return { call, published };
}

describe('publishing', () => {
  test.each(['POST', 'PUT'])('takes the body, the content type, the metadata and the trace with %s', async (method) => {
    const { call, published } = await api();
    const headers = { 'content-type': 'application/json', traceparent, tracestate: 'v=1' };
    const answer = await call(
      '/v1.0/publish/pubsub/orders?metadata.ttlInSeconds=5&other=1',
      '{"n":1}',
      headers,
      method,
    );
    expect(answer).toEqual({ status: 204, text: '' });
    expect(published).toEqual([
      {
        pubsubName: 'pubsub',
        topic: 'orders',
        data: Buffer.from('{"n":1}'),
        contentType: 'application/json',
        metadata: { ttlInSeconds: '5' },
        traceparent,
        tracestate: 'v=1',
      },
    ]);
  });

  test('the topic may hold slashes and escapes', async () => {
    const { call, published } = await api();
    await call('/v1.0/publish/my%20pubsub/shop/orders%2Fnew/%C3%BC', 'x');
    expect(published).toMatchObject([{ pubsubName: 'my pubsub', topic: 'shop/orders/new/ü' }]);
  });

  test('a trace that is none is not carried on', async () => {
    const { call, published } = await api();
    await call('/v1.0/publish/pubsub/orders', 'x', { traceparent: 'nonsense', tracestate: 'v=1' });
    expect(published).toMatchObject([{ traceparent: '', tracestate: '' }]);
  });

  test('without a topic it is no publishing', async () => {
    const { call, published } = await api();
    expect(await call('/v1.0/publish/pubsub', 'x')).toMatchObject({ status: 404 });
    expect(published).toEqual([]);
  });
});

describe('publishing in bulk', () => {
  test.each(['v1.0', 'v1.0-alpha1'])('hands on the entries as they came, on %s', async (version) => {
    const { call, published } = await api();
    const entries = '[{"entryId":"1","event":12345678901234567890,"contentType":"application/json"}]';
    expect(await call(`/${version}/publish/bulk/pubsub/shop/orders?metadata.a=b`, entries)).toEqual({
      status: 204,
      text: '',
    });
    expect(published).toMatchObject([{ pubsubName: 'pubsub', topic: 'shop/orders', metadata: { a: 'b' }, entries }]);
  });

  test('answers which entries failed', async () => {
    const { call } = await api([{ entryId: '1', error: 'full' }]);
    const answer = await call('/v1.0/publish/bulk/pubsub/orders', '[]');
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text)).toEqual({
      failedEntries: [{ entryId: '1', error: 'full' }],
      errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE',
    });
  });
});
