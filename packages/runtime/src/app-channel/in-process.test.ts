import { describe, expect, it } from 'vitest';

import { inProcessApp, type TopicHandler } from './in-process.ts';

const never = new AbortController().signal;
const event = {
  pubsubName: 'p',
  topic: 't',
  path: '/subscribe/0/0',
  cloudEvent: { id: '1', data: 5 },
  body: Buffer.from('{}'),
  metadata: {},
};
const request = { verb: 'POST', path: '/hello', query: '', headers: {}, body: Buffer.from('x') };

const answerOf = (handler: TopicHandler) =>
  inProcessApp({ subscribe: [{ pubsubName: 'p', topic: 't', handler }] }).deliver(event, never);

describe('an app in this process', () => {
  it('is always ready and healthy unless it says otherwise', async () => {
    await inProcessApp({}).ready(never);
    expect(await inProcessApp({}).probe(never)).toBe(true);
    expect(await inProcessApp({ healthy: () => false }).probe(never)).toBe(false);
    expect(await inProcessApp({ healthy: () => Promise.reject(new Error('ill')) }).probe(never)).toBe(false);
  });

  it('subscribes its handlers, those with an expression first', async () => {
    const app = inProcessApp({
      subscribe: [
        {
          pubsubName: 'p',
          topic: 't',
          handler: () => 'DROP',
          routes: [{ match: 'event.x == 1', handler: () => 'RETRY' }],
          deadLetterTopic: 'd',
        },
      ],
    });
    expect(await app.subscriptions(never)).toEqual([
      {
        pubsubName: 'p',
        topic: 't',
        metadata: {},
        deadLetterTopic: 'd',
        rules: [{ match: 'event.x == 1', path: '/subscribe/0/0' }, { path: '/subscribe/0/1' }],
      },
    ]);
    expect(await app.deliver(event, never)).toBe('RETRY');
    expect(await app.deliver({ ...event, path: '/subscribe/0/1' }, never)).toBe('DROP');
  });

  it('succeeds when a handler returns nothing, and says what it returns otherwise', async () => {
    expect(await answerOf(() => {})).toBe('SUCCESS');
    expect(await answerOf(async () => 'DROP' as const)).toBe('DROP');
    expect(await answerOf(() => 'RETRY')).toBe('RETRY');
  });

  it('fails with what a handler throws', async () => {
    const own = new Error('no stock');
    const failure = { message: 'the handler threw: no stock', statusCode: 500, cause: own };
    await expect(answerOf(() => Promise.reject(own))).rejects.toMatchObject(failure);
  });

  it('does not wait for a handler that ignores the abort', async () => {
    const handler = () => new Promise<void>(() => {});
    const app = inProcessApp({ subscribe: [{ pubsubName: 'p', topic: 't', handler }] });
    const cut = new AbortController();
    const delivery = app.deliver(event, cut.signal);
    cut.abort(new Error('cut off'));
    await expect(delivery).rejects.toThrow('cut off');
  });

  it('gives the handler the event and where it came from', async () => {
    let seen: unknown;
    await answerOf(
      (cloudEvent, { pubsubName, topic, metadata }) => void (seen = { cloudEvent, pubsubName, topic, metadata }),
    );
    expect(seen).toEqual({ cloudEvent: event.cloudEvent, pubsubName: 'p', topic: 't', metadata: {} });
  });

  it('answers invocations by name, with 404 for what it does not have and 500 for a throw', async () => {
    const app = inProcessApp({
      invoke: {
        hello: async ({ body }) => ({ status: 201, body }),
        quiet: () => {},
        broken: () => Promise.reject(new Error('no')),
      },
    });
    expect(await app.invoke(request, never)).toEqual({ status: 201, headers: {}, body: request.body });
    expect(await app.invoke({ ...request, path: '/quiet' }, never)).toMatchObject({ status: 204 });
    expect(await app.invoke({ ...request, path: '/toString' }, never)).toMatchObject({ status: 404 });
    expect(await app.invoke({ ...request, path: '/broken' }, never)).toMatchObject({ status: 500 });
  });
});
