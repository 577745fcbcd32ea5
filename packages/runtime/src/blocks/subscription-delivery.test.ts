import { circuitBreaker, policy, retry } from '@outrigger/core';
import { describe, expect, it } from 'vitest';

import type { Answer } from '../../test/http-app.ts';
import { acknowledge, answerStatus, scene } from '../../test/pubsub-scene.ts';

describe('a message for the app', () => {
  it('arrives as it was published, with the metadata of the broker and the trace of the event as headers', async () => {
    const { app, publisher } = await scene({ subscription: { route: '/orders' }, handle: acknowledge });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await publisher.publish({
      pubsubName: 'pubsub',
      topic: 'orders',
      data: Buffer.from('{"n":12345678901234567890}'),
      contentType: 'application/json',
      metadata: { tenant: 'Zoë\n7', 'dapr-api-token': 'stolen', 'content-length': '1', 'bad name': 'x' },
      traceparent,
      tracestate: 'v=1',
    });
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    const [request] = app.posted('/orders');
    expect(request?.body).toContain('"data":{"n":12345678901234567890}');
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      topic: 'orders',
      pubsubname: 'pubsub',
      source: 'app',
      traceparent,
    });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/cloudevents+json',
      pubsubname: 'pubsub',
      tenant: 'Zo%C3%AB%0A7',
      traceparent,
      tracestate: 'v=1',
    });
    expect(request?.headers).not.toHaveProperty('dapr-api-token');
  });

  it('carries a traceparent of zeros when nobody traces it', async () => {
    const { app, publish } = await scene({ subscription: { route: '/orders' }, handle: acknowledge });
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    const zeros = '00-00000000000000000000000000000000-0000000000000000-00';
    expect(app.posted('/orders')[0]?.headers).toMatchObject({ traceparent: zeros });
  });

  it('is wrapped when it is a raw payload and the subscription says so', async () => {
    const { app, publish } = await scene({
      subscription: { route: 'orders', metadata: { rawPayload: true } },
      handle: acknowledge,
    });
    await publish('not json', { rawPayload: 'true' }, 'text/plain');
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    expect(JSON.parse(app.posted('/orders')[0]?.body ?? '')).toMatchObject({
      data_base64: Buffer.from('not json').toString('base64'),
      datacontenttype: 'application/octet-stream',
      source: 'Dapr',
      topic: 'orders',
      pubsubname: 'pubsub',
      type: 'com.dapr.event.sent',
    });
  });

  it('goes where the rules send it', async () => {
    const { app, publish } = await scene({
      subscription: { routes: { rules: [{ match: 'event.data.kind == "a"', path: '/a' }], default: '/rest' } },
      handle: acknowledge,
    });
    await publish({ kind: 'a' });
    await publish({ kind: 'b' });
    await expect.poll(() => app.posted('/rest')).toHaveLength(1);
    expect(app.posted('/a')).toHaveLength(1);
  });
});

describe('what the app answers', () => {
  it.each([
    ['an empty body', acknowledge],
    ['SUCCESS', answerStatus('SUCCESS')],
    ['an empty status', answerStatus('')],
    ['something that is no JSON', (): Answer => ({ status: 201, body: 'thanks' })],
    ['JSON without a status', (): Answer => ({ body: { done: true } })],
  ])('acknowledges the message with %s', async (_name, handle) => {
    const { app, publish, dead } = await scene({ subscription: { route: '/orders', deadLetterTopic: 'dead' }, handle });
    await publish({ n: 1 });
    await publish({ n: 2 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(2);
    expect(dead).toHaveLength(0);
  });

  it.each([
    ['RETRY', answerStatus('RETRY')],
    ['an unknown status', answerStatus('MAYBE')],
    ['an error', (): Answer => ({ status: 500 })],
    ['a redirect', (): Answer => ({ status: 302 })],
  ])('brings the message again after %s', async (_name, handle) => {
    let calls = 0;
    const { app, publish } = await scene({
      subscription: { route: '/orders' },
      handle: () => (++calls === 1 ? handle() : {}),
    });
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(2);
    expect(app.posted('/orders')[0]?.body).toBe(app.posted('/orders')[1]?.body);
  });

  it.each([
    ['RETRY', answerStatus('RETRY')],
    ['an error', (): Answer => ({ status: 500 })],
    ['DROP', answerStatus('DROP')],
    ['404', (): Answer => undefined],
  ])('sends the message to the dead letter topic after %s, as it came', async (_name, handle) => {
    const { app, publish, dead } = await scene({ subscription: { route: '/orders', deadLetterTopic: 'dead' }, handle });
    await publish({ n: 1 }, { tenant: 't' });
    await expect.poll(() => dead).toHaveLength(1);
    expect(Buffer.from(dead[0]?.data ?? []).toString()).toBe(app.posted('/orders')[0]?.body);
    expect(dead[0]?.metadata).toMatchObject({ tenant: 't' });
    expect(app.posted('/orders')).toHaveLength(1);
  });

  it.each([
    ['DROP', answerStatus('DROP')],
    ['404', (): Answer => undefined],
  ])('ends the message after %s when there is no dead letter topic', async (_name, handle) => {
    const { app, publish } = await scene({ subscription: { route: '/orders' }, handle });
    await publish({ n: 1 });
    await publish({ n: 2 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(2);
    expect(new Set(app.posted('/orders').map(({ body }) => body)).size).toBe(2);
  });

  it('is asked for as often as the inbound policy says before the message is dead', async () => {
    const { app, publish, dead } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => ({ status: 503 }),
      inbound: policy([retry({ duration: 1, maxRetries: 2 })]),
    });
    await publish({ n: 1 });
    await expect.poll(() => dead).toHaveLength(1);
    expect(app.posted('/orders')).toHaveLength(3);
  });

  it('does not lose the message when the dead letter topic does not take it', async () => {
    let calls = 0;
    const { app, publish, dead, log } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => (++calls < 3 ? { body: { status: 'DROP' } } : {}),
      broker: { properties: { publishingScopes: 'app=orders' } },
    });
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(3);
    expect(dead).toHaveLength(0);
    expect(log.join('\n')).toMatch(
      /will come again: the app dropped it; the dead letter topic dead did not take it: topic dead is not allowed for app id app/,
    );
  });
});

describe('a message that no app can get', () => {
  it('is dead when it has expired', async () => {
    const { app, publish, dead, log } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: acknowledge,
    });
    await publish({ expiration: '2020-01-01T00:00:00Z' }, {}, 'application/cloudevents+json');
    await expect.poll(() => dead).toHaveLength(1);
    expect(app.posted('/orders')).toHaveLength(0);
    expect(log.join('\n')).toMatch(
      /event \S+ of topic orders on pubsub pubsub went to the dead letter topic dead: it expired at 2020-01-01T00:00:00Z/,
    );
  });

  it('is delivered on a dead letter topic although it has expired', async () => {
    const { app, publish } = await scene({
      programmatic: [
        { pubsubname: 'pubsub', topic: 'orders', route: '/orders', deadLetterTopic: 'late' },
        { pubsubname: 'pubsub', topic: 'late', route: '/late' },
      ],
      handle: acknowledge,
    });
    await publish({ expiration: '2020-01-01T00:00:00Z' }, {}, 'application/cloudevents+json');
    await expect.poll(() => app.posted('/late')).toHaveLength(1);
    expect(app.posted('/orders')).toHaveLength(0);
  });

  it('is dead when no rule matches, and when a rule cannot be decided', async () => {
    const routes = { rules: [{ match: 'event.data.kind == "a"', path: '/a' }] };
    const { publish, dead } = await scene({ subscription: { routes, deadLetterTopic: 'dead' }, handle: acknowledge });
    await publish({ kind: 'b' });
    await publish({});
    await expect.poll(() => dead).toHaveLength(2);
  });

  it('is acknowledged without a dead letter topic when no rule matches', async () => {
    const routes = { rules: [{ match: 'event.data.kind == "a"', path: '/a' }] };
    const { app, publish, log } = await scene({ subscription: { routes }, handle: acknowledge });
    await publish({ kind: 'b' });
    await publish({ kind: 'a' });
    await expect.poll(() => app.posted('/a')).toHaveLength(1);
    expect(log.join('\n')).toMatch(/dropping event \S+ of topic orders on pubsub pubsub: no route matches it/);
  });

  it('is dead when it is no cloud event', async () => {
    const { publish, dead } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: acknowledge,
    });
    await publish('not json', { rawPayload: 'true' });
    await publish('[1]', { rawPayload: 'true' });
    await expect.poll(() => dead).toHaveLength(2);
  });
});

describe('a message that the app was never given', () => {
  it('is no dead letter while a circuit breaker holds it back, and arrives later', async () => {
    let isBroken = true;
    const { app, publish, dead } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => (isBroken ? { status: 500 } : {}),
      inbound: policy([circuitBreaker({ timeout: 50, trip: ({ consecutiveFailures }) => consecutiveFailures >= 1 })]),
    });
    await publish({ n: 1 });
    await expect.poll(() => dead).toHaveLength(1);
    isBroken = false;
    await publish({ n: 2 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(2);
    expect(JSON.parse(app.posted('/orders')[1]?.body ?? '')).toMatchObject({ data: { n: 2 } });
    expect(dead).toHaveLength(1);
  });
});

describe('what else an event carries', () => {
  it('is baggage, also without a trace, unless it is none', async () => {
    const { app, publish } = await scene({ subscription: { route: '/orders' }, handle: acknowledge });
    const event = (baggage: string) => ({ id: '1', source: 's', type: 't', specversion: '1.0', data: 1, baggage });
    await publish(event('user=7,shop=north'), {}, 'application/cloudevents+json');
    await publish(event('no baggage at all'), {}, 'application/cloudevents+json');
    await expect.poll(() => app.posted('/orders')).toHaveLength(2);
    expect(app.posted('/orders').map(({ headers }) => headers['baggage'])).toEqual(['user=7,shop=north', undefined]);
  });

  it('and the answer to it may write its status in any case of its name', async () => {
    const { publish, dead } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => ({ body: { Status: 'DROP' } }),
    });
    await publish({ n: 1 });
    await expect.poll(() => dead).toHaveLength(1);
  });
});
