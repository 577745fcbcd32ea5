import { ComponentError, policy, type PubSub, type Subscription, retry } from '@outrigger/core';
import { describe, expect, it } from 'vitest';

import type { Answer } from '../../test/http-app.ts';
import { acknowledge, scene } from '../../test/pubsub-scene.ts';
import type { SubscriptionSpec } from '../app-channel/app-channel.ts';

const never = new AbortController().signal;

/** A broker that cannot be reached for a while. */
class Away implements PubSub {
  readonly features = [];
  readonly #code: 'unavailable' | 'not-found';
  isAway = true;

  constructor(code: 'unavailable' | 'not-found') {
    this.#code = code;
  }

  async publish(): Promise<void> {}

  async subscribe(): Promise<Subscription> {
    if (this.isAway) throw new ComponentError(this.#code, 'gone fishing');
    const nothing = async (): Promise<void> => {};
    return { pause: nothing, resume: nothing, [Symbol.asyncDispose]: nothing };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

describe('subscriptions', () => {
  const declared: SubscriptionSpec = {
    pubsubName: 'pubsub',
    topic: 'orders',
    metadata: {},
    rules: [{ path: '/declared' }],
  };

  it('come from resources and from the app, which replaces a resource for the same topic', async () => {
    const { subscriptions, log } = await scene({
      declarative: [declared, { ...declared, rules: [{ path: '/second' }] }, { ...declared, topic: 'other' }],
      programmatic: [
        { pubsubname: 'pubsub', topic: 'orders', route: '/own', deadLetterTopic: 'dead', metadata: { n: 1 } },
      ],
      handle: acknowledge,
    });
    expect(subscriptions.active).toHaveLength(2);
    expect(subscriptions.active).toContainEqual({
      pubsubName: 'pubsub',
      topic: 'orders',
      metadata: { n: '1' },
      rules: [{ match: '', path: '/own' }],
      deadLetterTopic: 'dead',
      type: 'PROGRAMMATIC',
    });
    expect(subscriptions.active).toContainEqual(expect.objectContaining({ topic: 'other', type: 'DECLARATIVE' }));
    expect(log).toContain(
      'subscriptions.yaml:2: Subscription "number-2": is not used, since topic orders on pubsub pubsub has a subscription already: ' +
        'subscriptions.yaml:1: Subscription "number-1": this one; remove one of them, or put the routes of both into one',
    );
  });

  it.each(['unavailable', 'not-found'] as const)('are tried again while their broker or topic is %s', async (code) => {
    const component = new Away(code);
    const { subscriptions, log } = await scene({
      declarative: [declared],
      broker: { component },
      handle: acknowledge,
    });
    expect(subscriptions.active).toEqual([]);
    expect(log.join('\n')).toMatch(/cannot subscribe to topic orders on pubsub pubsub yet: gone fishing/);
    component.isAway = false;
    await expect.poll(() => subscriptions.active).toHaveLength(1);
    expect(log.join('\n')).toMatch(/app is now subscribed to topic orders/);
  });

  it('are left out with a reason when they cannot work, and the others run', async () => {
    const { subscriptions, log } = await scene({
      programmatic: [
        { pubsubname: 'nowhere', topic: 'a', route: '/a' },
        { pubsubname: 'pubsub', topic: 'b', routes: { rules: [{ match: 'broken ==', path: '/b' }] } },
        { pubsubname: 'pubsub', topic: 'c', route: '/c', metadata: { rawPayload: 'maybe' } },
        { pubsubname: 'pubsub', topic: 'd' },
        { pubsubname: 'pubsub', topic: 'forbidden', route: '/e' },
        { pubsubname: 'pubsub', topic: 'orders', route: '/orders' },
      ],
      broker: { properties: { allowedTopics: 'orders,b,c,d' } },
      handle: acknowledge,
    });
    expect(subscriptions.active.map(({ topic }) => topic)).toEqual(['orders']);
    // the metadata API shows what is wanted; only what has no route is not wanted
    expect(subscriptions.known.map(({ topic }) => topic)).toEqual(['a', 'b', 'c', 'forbidden', 'orders']);
    const all = log.join('\n');
    expect(all).toMatch(
      /topic a on pubsub nowhere: no pub\/sub component of that name is loaded for this app \(loaded: pubsub\)/,
    );
    expect(all).toMatch(/topic b on pubsub pubsub: the routing rule `broken ==` is not a valid CEL/);
    expect(all).toMatch(/topic c on pubsub pubsub: rawPayload value must be a valid boolean: actual is 'maybe'/);
    expect(all).toMatch(/topic d on pubsub pubsub has no route/);
    expect(all).toMatch(/subscription to topic 'forbidden' on pubsub 'pubsub' is not allowed/);
  });

  it('of resources that cannot work are told with file, line and fix, and the others run', async () => {
    const broken = { ...declared, rules: [{ match: 'event.type ==', path: '/b' }, { path: '/' }] };
    const { subscriptions, log } = await scene({
      declarative: [
        { ...declared, pubsubName: 'pubsup', topic: 'a' },
        { ...broken, topic: 'b' },
        { ...declared, topic: 'c', metadata: { rawPayload: 'maybe' } },
        { ...declared, pubsubName: 'store', topic: 'd' },
        { ...declared, pubsubName: 'away', topic: 'e' },
        { ...declared, topic: 'forbidden' },
        { ...declared, topic: 'f', deadLetterTopic: 'forbidden' },
      ],
      components: [
        { name: 'store', type: 'state.test' },
        { name: 'away', type: 'pubsub.test' },
      ],
      broker: { properties: { protectedTopics: 'forbidden' } },
      handle: acknowledge,
    });
    expect(subscriptions.active.map(({ topic }) => topic)).toEqual(['f']);
    const lines = log.filter((line) => line.startsWith('subscriptions.yaml')).toSorted();
    expect(lines).toEqual([
      expect.stringMatching(
        /yaml:1: Subscription "number-1": cannot .* topic a on pubsub pubsup: no pub.* did you mean pubsub\?$/,
      ),
      expect.stringMatching(
        /yaml:2: Subscription "number-2": cannot .* the routing rule `event.type ==` is not a valid CEL/,
      ),
      expect.stringMatching(
        /yaml:3: Subscription "number-3": cannot .* rawPayload value must be .*'maybe'; mend it in the metadata of/,
      ),
      expect.stringMatching(
        /yaml:4: Subscription "number-4": cannot .* the component "store" is a state.test, not a pub/,
      ),
      expect.stringMatching(/yaml:5: Subscription "number-5": cannot .* "away" \(pubsub.test\) did not start/),
      expect.stringMatching(/yaml:6: Subscription "number-6": cannot .* not allowed for app id app; see allowedTopics/),
    ] as string[]);
    expect(log.join('\n')).toMatch(/dead letter topic forbidden of topic f .* is not allowed .* publishingScopes/);
  });

  it('on one pub/sub component can be ended and started again, beside others', async () => {
    const { app, publish, subscriptions } = await scene({ subscription: { route: '/orders' }, handle: acknowledge });
    await subscriptions.stopPubSub('other', never);
    expect(subscriptions.active).toHaveLength(1);
    await subscriptions.stopPubSub('pubsub', never);
    expect(subscriptions.active).toHaveLength(0);
    await subscriptions.restartPubSub('pubsub', never);
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
  });

  it('have the namespace in front of the topic on the wire only', async () => {
    const { app, publish, dead } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => ({ status: 500 }),
      broker: { namespaced: true, namespace: 'prod' },
    });
    await publish({ n: 1 });
    await expect.poll(() => dead).toHaveLength(1);
    expect(dead[0]?.topic).toBe('proddead');
    expect(JSON.parse(app.posted('/orders')[0]?.body ?? '')).toMatchObject({ topic: 'orders' });
  });

  it('can be stopped and started again, reading anew what the app wants', async () => {
    const programmatic: unknown[] = [{ pubsubname: 'pubsub', topic: 'orders', route: '/one' }];
    const { app, publish, subscriptions } = await scene({ programmatic, handle: acknowledge });
    await subscriptions.stop(never);
    expect(subscriptions.active).toEqual([]);
    expect(subscriptions.known).toHaveLength(1);
    programmatic[0] = { pubsubname: 'pubsub', topic: 'orders', route: '/two' };
    await subscriptions.start(never);
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/two')).toHaveLength(1);
    expect(app.posted('/one')).toHaveLength(0);
  });

  it('leave nothing running when they are stopped while they start', async () => {
    const { app, publish, subscriptions } = await scene({ subscription: { route: '/orders' }, handle: acknowledge });
    await subscriptions.stop(never);
    const starting = subscriptions.start(never);
    await subscriptions.stop(never);
    await starting;
    expect(subscriptions.active).toEqual([]);
    await publish({ n: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(app.posted('/orders')).toEqual([]);
  });

  it('hold messages back while they are paused', async () => {
    const { app, publish, subscriptions } = await scene({ subscription: { route: '/orders' }, handle: acknowledge });
    await subscriptions.pause();
    await publish({ n: 1 });
    await subscriptions.resume();
    await publish({ n: 2 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(2);
  });
});

describe('leaving', () => {
  it('waits for the app to finish', async () => {
    const answer = Promise.withResolvers<Answer>();
    const { app, publish, subscriptions } = await scene({
      subscription: { route: '/orders' },
      handle: () => answer.promise,
    });
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    let stopped = false;
    const stopping = subscriptions.stop(never).then(() => (stopped = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    answer.resolve({});
    await stopping;
  });

  it('gives back what fails meanwhile instead of dead-lettering it', async () => {
    const answer = Promise.withResolvers<Answer>();
    const { app, publish, subscriptions, dead } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => answer.promise,
    });
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    const stopping = subscriptions.stop(never);
    answer.resolve({ status: 500 });
    await stopping;
    expect(dead).toHaveLength(0);
    await subscriptions.start(never);
    await expect.poll(() => app.posted('/orders')).toHaveLength(2);
  });

  it('cuts off and gives back what is still running when the grace is over', async () => {
    let calls = 0;
    const { app, publish, subscriptions, dead, log } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => (++calls === 1 ? new Promise<Answer>(() => {}) : {}),
    });
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    await subscriptions.stop(AbortSignal.timeout(10));
    expect(dead).toHaveLength(0);
    expect(log.join('\n')).toContain(
      '1 message of topic orders on pubsub pubsub was not handled before delivery ended; it goes back to the broker',
    );
    expect(log.join('\n')).not.toContain('will come again');
    await subscriptions.start(never);
    await expect.poll(() => app.posted('/orders')).toHaveLength(2);
  });

  it('does not wait for retries that are still to come', async () => {
    const { app, publish, subscriptions, dead } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => ({ status: 500 }),
      inbound: policy([retry({ duration: 60_000 })]),
    });
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    await subscriptions.stop(never);
    expect(dead).toHaveLength(0);
  });

  it('does not wait for a dead letter topic that hangs when the grace is over', async () => {
    const taking = Promise.withResolvers<void>();
    let publishes = 0;
    const { publish, subscriptions } = await scene({
      subscription: { route: '/orders', deadLetterTopic: 'dead' },
      handle: () => ({ status: 500 }),
      broker: {
        outbound: () => ({
          execute: (call, given = new AbortController().signal) => {
            if (++publishes === 1) return call(given, 1);
            taking.resolve();
            return new Promise((_resolve, reject) => {
              given.addEventListener('abort', () => reject(given.reason as Error));
            });
          },
        }),
      },
    });
    await publish({ n: 1 });
    await taking.promise;
    await subscriptions.stop(AbortSignal.abort());
  });
});
