import {
  type BulkPublishRequest,
  ComponentError,
  policy,
  type PublishRequest,
  type PubSub,
  retry,
  silentLogger,
} from '@outrigger/core';
import { describe, expect, it } from 'vitest';

import type { ApiError } from '../errors.ts';
import { Broker, type BrokerOptions } from './pubsub-broker.ts';
import { Publisher } from './pubsub-publisher.ts';

/** A broker that keeps what is published; topics that start with `down` fail as often as their last digit says. */
class Recorder implements PubSub {
  readonly features = [];
  readonly published: PublishRequest[] = [];
  readonly attempts = new Map<string, number>();

  async publish(request: PublishRequest): Promise<void> {
    const key = request.metadata['key'] ?? request.topic;
    const attempt = (this.attempts.get(key) ?? 0) + 1;
    this.attempts.set(key, attempt);
    if (key.startsWith('down') && attempt <= Number(key.slice(4) || Infinity)) {
      throw new ComponentError('unavailable', 'the broker is away');
    }
    this.published.push(request);
  }

  subscribe(): never {
    throw new Error('not here');
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function setUp(options: Partial<BrokerOptions> = {}): { publisher: Publisher; component: Recorder } {
  const component = new Recorder();
  const base = { name: 'pubsub', component, properties: {}, namespaced: false, appId: 'app', namespace: '' };
  return { publisher: new Publisher(new Map([['pubsub', new Broker({ ...base, ...options })]])), component };
}

const event = { pubsubName: 'pubsub', topic: 'orders', data: Buffer.from('x'), contentType: 'text/plain' };

async function failure(
  promise: Promise<unknown>,
): Promise<Pick<ApiError, 'errorCode' | 'httpStatus' | 'message'> & { reason: unknown }> {
  const error = (await promise.then(
    () => expect.fail('should be refused'),
    (reason: unknown) => reason,
  )) as ApiError;
  const { errorCode, httpStatus, message, details } = error;
  const [info] = details ?? [];
  return { errorCode, httpStatus, message, reason: info && 'reason' in info ? info.reason : undefined };
}

describe('publishing', () => {
  it('takes a time to live that is none, and warns of it once for each topic', async () => {
    const warnings: string[] = [];
    const component = new Recorder();
    const base = { name: 'pubsub', component, properties: {}, namespaced: false, appId: 'app', namespace: '' };
    const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    const publisher = new Publisher(new Map([['pubsub', new Broker(base)]]), logger);
    for (const ttlInSeconds of ['abc', '-3', '60', ''])
      await publisher.publish({ ...event, metadata: { ttlInSeconds } });
    const entries = [{ ...event, entryId: '1', metadata: { TTLInSeconds: '-3' } }];
    await publisher.publishMany({ ...event, topic: 'returns', entries });
    await publisher.publish({ ...event, metadata: { ttlInSeconds: '0', rawPayload: 'true' } });
    expect(component.published).toHaveLength(6);
    expect(warnings).toEqual([
      'ttlInSeconds "abc" of a message for topic orders on pubsub pubsub is no time above zero: it is ignored',
      'ttlInSeconds "-3" of a message for topic returns on pubsub pubsub is no time above zero: it is ignored',
    ]);
  });

  it('wraps the payload and hands on the metadata', async () => {
    const { publisher, component } = setUp();
    await publisher.publish({ ...event, metadata: { partitionKey: '7' } });
    const [request] = component.published;
    expect(request).toMatchObject({
      topic: 'orders',
      contentType: 'application/cloudevents+json',
      metadata: { partitionKey: '7' },
    });
    expect(JSON.parse(Buffer.from(request?.data ?? []).toString())).toMatchObject({ data: 'x', source: 'app' });
  });

  it('leaves a raw payload as it is', async () => {
    const { publisher, component } = setUp();
    await publisher.publish({ ...event, metadata: { rawpayload: 'true' } });
    expect(component.published[0]?.data).toBe(event.data);
  });

  it('puts the namespace in front of the topic where the component is namespaced', async () => {
    const { publisher, component } = setUp({ namespaced: true, namespace: 'prod' });
    await publisher.publish(event);
    expect(component.published[0]?.topic).toBe('prodorders');
    expect(JSON.parse(Buffer.from(component.published[0]?.data ?? []).toString())).toMatchObject({ topic: 'orders' });
  });

  it('tries again as the outbound policy says', async () => {
    const { publisher, component } = setUp({ outbound: () => policy([retry({ duration: 0, maxRetries: 2 })]) });
    await publisher.publish({ ...event, topic: 'down2' });
    expect(component.published).toHaveLength(1);
  });

  it('answers with the errors of Dapr', async () => {
    const { publisher } = setUp({ properties: { allowedTopics: 'orders,down' } });
    expect(await failure(publisher.publish({ ...event, pubsubName: 'nope' }))).toEqual({
      errorCode: 'ERR_PUBSUB_NOT_FOUND',
      httpStatus: 404,
      message: 'pubsub nope is not found',
      reason: 'DAPR_PUBSUB_NOT_FOUND',
    });
    expect(await failure(publisher.publish({ ...event, pubsubName: '' }))).toMatchObject({
      errorCode: 'ERR_PUBSUB_EMPTY',
      httpStatus: 404,
    });
    expect(await failure(publisher.publish({ ...event, topic: '' }))).toMatchObject({
      errorCode: 'ERR_TOPIC_NAME_EMPTY',
      httpStatus: 404,
    });
    expect(await failure(publisher.publish({ ...event, metadata: { rawPayload: 'maybe' } }))).toEqual({
      errorCode: 'ERR_PUBSUB_REQUEST_METADATA',
      httpStatus: 400,
      message: "failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is 'maybe'",
      reason: 'DAPR_PUBSUB_METADATA_DESERIALIZATION',
    });
    await expect(publisher.publish({ ...event, metadata: { rawPayload: 'constructor' } })).rejects.toThrow(
      /valid boolean/,
    );
    expect(await failure(publisher.publish({ ...event, topic: 'secret' }))).toMatchObject({
      errorCode: 'ERR_PUBSUB_FORBIDDEN',
      httpStatus: 403,
      message: 'topic secret is not allowed for app id app',
    });
    expect(await failure(publisher.publish({ ...event, contentType: 'application/cloudevents+json' }))).toMatchObject({
      errorCode: 'ERR_PUBSUB_CLOUD_EVENTS_SER',
      httpStatus: 500,
      message: 'cannot create cloudevent',
    });
    expect(await failure(publisher.publish({ ...event, topic: 'down' }))).toMatchObject({
      errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE',
      httpStatus: 500,
      message: 'error when publishing to topic down in pubsub pubsub: the broker is away',
    });
  });

  it('ignores a TTL that cannot be read', async () => {
    const { publisher, component } = setUp();
    await publisher.publish({ ...event, metadata: { ttlInSeconds: 'abc' } });
    expect(component.published).toHaveLength(1);
  });
});

describe('publishing many', () => {
  const target = { pubsubName: 'pubsub', topic: 'orders' };
  const bytes = (entries: unknown): Buffer =>
    Buffer.from(typeof entries === 'string' ? entries : JSON.stringify(entries));
  const dataOf = (component: Recorder): unknown[] =>
    component.published.map(({ data }) => {
      const envelope = JSON.parse(Buffer.from(data).toString()) as { data?: unknown; data_base64?: unknown };
      return envelope.data ?? envelope.data_base64;
    });

  it('takes the entries as the HTTP API has them, names in any case, numbers as they are', async () => {
    const { publisher, component } = setUp();
    const body = `[ {"entryID":"1","event":{"n":12345678901234567890},"contentType":"application/json"},
      {"entryId":"2","event":"text","contentType":"text/plain","metadata":{"key":"k"}},
      {"entryId":"3","event":"AP8B","contentType":"application/octet-stream"} ]`;
    expect(await publisher.publishManyJson({ ...target, metadata: { m: '1' } }, bytes(body))).toEqual([]);
    expect(Buffer.from(component.published[0]?.data ?? []).toString()).toContain('"data":{"n":12345678901234567890}');
    expect(dataOf(component).slice(1)).toEqual(['text', 'AP8B']);
    expect(component.published[1]?.metadata).toEqual({ m: '1', key: 'k' });
  });

  it('answers which entries failed, after retrying only those', async () => {
    const { publisher, component } = setUp({ outbound: () => policy([retry({ duration: 0, maxRetries: 2 })]) });
    const entry = (entryId: string, key: string) => ({
      entryId,
      data: Buffer.from('x'),
      contentType: 'text/plain',
      metadata: { key },
    });
    const entries = [entry('1', 'fine'), entry('2', 'down1'), entry('3', 'down')];
    expect(await publisher.publishMany({ ...target, entries })).toEqual([
      { entryId: '3', error: 'the broker is away' },
    ]);
    expect(Object.fromEntries(component.attempts)).toEqual({ fine: 1, down1: 2, down: 3 });
  });

  it('uses the batches of a component that has them', async () => {
    const requests: BulkPublishRequest[] = [];
    const component: PubSub = Object.assign(new Recorder(), {
      publishMany: async (request: BulkPublishRequest) => {
        requests.push(request);
        return request.entries.map(({ entryId }) =>
          entryId === '2'
            ? ({ ok: false, error: new Error('full') } as const)
            : ({ ok: true, value: undefined } as const),
        );
      },
    });
    const { publisher } = setUp({ component });
    const body = bytes(['1', '2'].map((entryId) => ({ entryId, event: 'x', contentType: 'text/plain' })));
    expect(await publisher.publishManyJson(target, body)).toEqual([{ entryId: '2', error: 'full' }]);
    expect(requests).toHaveLength(1);
  });

  it('takes bytes of any length', async () => {
    const { publisher, component } = setUp();
    const event = Buffer.alloc(16 * 2 ** 20 + 1).toString('base64');
    const body = bytes([{ entryId: '1', event, contentType: 'application/octet-stream' }]);
    expect(await publisher.publishManyJson(target, body)).toEqual([]);
    expect(component.published[0]?.data.byteLength).toBeGreaterThan(event.length);
  });

  it('asks nothing of the component when there are no entries', async () => {
    const component: PubSub = Object.assign(new Recorder(), {
      publishMany: () => Promise.reject(new Error('an empty batch')),
    });
    expect(await setUp({ component }).publisher.publishManyJson(target, bytes([]))).toEqual([]);
  });

  it.each([
    ['no JSON', '{', /^error when unmarshaling the request for topic orders pubsub pubsub: /],
    ['no array', {}, /the body must be a JSON array/],
    ['an entry that is no object', [1], /entry 0 is not a JSON object/],
    [
      'metadata that is no texts',
      [{ entryId: '1', event: 'x', contentType: 'text/plain', metadata: { a: 1 } }],
      /metadata of entry 0/,
    ],
    [
      'an entry without an id',
      [{ event: 'x', contentType: 'text/plain' }],
      /entryId is duplicated or not present for entry$/,
    ],
    [
      'an id twice',
      ['1', '1'].map((entryId) => ({ entryId, event: 'x', contentType: 'text/plain' })),
      /entryId is duplicated/,
    ],
    ['no content type', [{ entryId: '1', event: 'x' }], /error: mismatch between contentType and event$/],
    [
      'text that is no string',
      [{ entryId: '1', event: {}, contentType: 'text/plain' }],
      /mismatch between contentType/,
    ],
    [
      'bytes that are no base64',
      [{ entryId: '1', event: 'a', contentType: 'application/octet-stream' }],
      /unable to decode base64/,
    ],
    [
      'bytes with padding in the middle',
      [{ entryId: '1', event: 'AA==AAAA', contentType: 'application/octet-stream' }],
      /unable to decode base64/,
    ],
  ])('refuses %s', async (_name, body, message) => {
    const { publisher, component } = setUp();
    const refusal = await failure(publisher.publishManyJson(target, bytes(body)));
    expect(refusal).toMatchObject({ errorCode: 'ERR_PUBSUB_EVENTS_SER', httpStatus: 400 });
    expect(refusal.message).toMatch(message);
    expect(component.published).toHaveLength(0);
  });
});
