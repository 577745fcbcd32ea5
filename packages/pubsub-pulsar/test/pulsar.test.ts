import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { requireBackend } from '@outrigger/conformance';
import type { Message, PubSub } from '@outrigger/core';
import { describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { howToStartPulsar } from './pulsar-server.ts';

const never = new AbortController().signal;
const patient = { timeout: 60_000, interval: 10 };
const textOf = ({ data }: Message) => Buffer.from(data).toString();
const newTopic = (name = 'topic') => `${name}-${randomUUID()}`;

requireBackend('OUTRIGGER_TEST_PULSAR', howToStartPulsar, (host) =>
  describe('pubsub.pulsar on the broker', () => {
    const create = (consumerID: string, more: Record<string, string> = {}) =>
      createPubSub({ host, consumerID, transport: 'websocket', redeliveryDelay: '200ms', ...more });
    const publish = (pubSub: PubSub, topic: string, text: string, metadata: Record<string, string> = {}) =>
      pubSub.publish({ topic, data: Buffer.from(text), metadata }, never);
    const rest = async (path: string, init?: RequestInit) => {
      const answer = await fetch(`http://${host}/admin/v2/${path}`, init);
      return (await answer.json()) as Record<string, unknown>;
    };
    const backlog = async (topic: string, subscription: string) => {
      const { subscriptions } = await rest(`persistent/public/default/${topic}/stats`);
      return (subscriptions as Record<string, { msgBacklog: number }>)[subscription]?.msgBacklog;
    };

    it('delivers a message at the time or after the delay that its metadata says', async () => {
      await using pubSub = await create('app');
      const topic = newTopic();
      const seen: { text: string; after: number }[] = [];
      let start = Date.now();
      const handler = async (message: Message) => void seen.push({ text: textOf(message), after: Date.now() - start });
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
      await publish(pubSub, topic, 'first'); // the producer is there
      start = Date.now();
      await Promise.all([
        publish(pubSub, topic, 'now'),
        publish(pubSub, topic, 'at', { deliverAt: new Date(start + 3000).toISOString() }),
        publish(pubSub, topic, 'after', { deliverAfter: '2s' }),
      ]);
      await vi.waitFor(
        () => expect(seen.map(({ text }) => text).toSorted()).toEqual(['after', 'at', 'first', 'now']),
        patient,
      );
      const after = Object.fromEntries(seen.map(({ text, after: ms }) => [text, ms]));
      // the broker may be early by its delayedDeliveryTickTimeMillis, a second by default
      expect(after['after']).toBeGreaterThan(900);
      expect(after['at']).toBeGreaterThan(1900);
      expect(seen.findIndex(({ text }) => text === 'now')).toBeLessThan(2);
    });

    it('a failed message comes again after the redelivery delay, not before', async () => {
      await using pubSub = await create('app', { redeliveryDelay: '1500ms' });
      const topic = newTopic();
      const times: number[] = [];
      const handler = async () => {
        times.push(Date.now());
        if (times.length < 3) throw new Error('fails');
      };
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
      await publish(pubSub, topic, 'x');
      await vi.waitFor(() => expect(times).toHaveLength(3), patient);
      for (const [index, time] of times.slice(1).entries()) expect(time - (times[index] ?? 0)).toBeGreaterThan(1300);
    });

    it('the neighbours of a failed message in its batch are handled once', async () => {
      await using pubSub = await create('app', { batchingMaxPublishDelay: '200ms' });
      const topic = newTopic();
      const seen: string[] = [];
      const handler = async (message: Message) => {
        seen.push(textOf(message));
        if (textOf(message) === '5' && seen.filter((text) => text === '5').length < 3) throw new Error('fails');
      };
      await using _ = await pubSub.subscribe({ topic, metadata: {} }, handler, never);
      await Promise.all(Array.from({ length: 10 }, (_unused, index) => publish(pubSub, topic, String(index))));
      await vi.waitFor(() => expect(seen).toHaveLength(12), patient);
      await vi.waitFor(async () => expect(await backlog(topic, 'app')).toBe(0), patient);
      expect(seen.toSorted()).toEqual(['0', '1', '2', '3', '4', '5', '5', '5', '6', '7', '8', '9']);
    });

    it('a second consumer of an exclusive subscription is refused with the fix, and may come when the first has left', async () => {
      await using one = await create('app', { subscribeType: 'exclusive' });
      await using two = await create('app', { subscribeType: 'exclusive' });
      const topic = newTopic();
      const first = await one.subscribe({ topic, metadata: {} }, async () => {}, never);
      await expect(two.subscribe({ topic, metadata: {} }, async () => {}, never)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/exclusive.*use shared or failover/i),
      });
      await expect(
        two.subscribe({ topic, metadata: { subscribeType: 'shared' } }, async () => {}, never),
      ).rejects.toMatchObject({ code: 'invalid-argument', message: expect.stringContaining('same subscribeType') });
      await first[Symbol.asyncDispose]();
      await using _ = await two.subscribe({ topic, metadata: {} }, async () => {}, never);
    });

    it('with key_shared the messages of a key stay in order over two instances, also when one fails', async () => {
      const topic = newTopic();
      const seen: { key: string; text: string }[] = [];
      let failures = 0;
      const handler = async (message: Message) => {
        const [key = '', number = ''] = textOf(message).split(':');
        await delay(Math.random() * 5);
        if (number === '3' && failures < 4 && Math.random() < 0.7) {
          failures++;
          throw new Error('fails');
        }
        seen.push({ key, text: number });
      };
      const both = await Promise.all([
        create('app', { subscribeType: 'key_shared' }),
        create('app', { subscribeType: 'key_shared' }),
      ]);
      try {
        for (const pubSub of both) await pubSub.subscribe({ topic, metadata: {} }, handler, never);
        const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
        const [publisher] = both;
        await Promise.all(
          keys.map(async (partitionKey) => {
            for (let number = 1; number <= 20; number++) {
              await publish(publisher, topic, `${partitionKey}:${number}`, { partitionKey });
            }
          }),
        );
        await vi.waitFor(() => expect(seen).toHaveLength(120), patient);
        const inOrder = Array.from({ length: 20 }, (_unused, index) => String(index + 1));
        for (const key of keys) expect(seen.filter((one) => one.key === key).map(({ text }) => text)).toEqual(inOrder);
      } finally {
        for (const pubSub of both) await pubSub[Symbol.asyncDispose]();
      }
    });

    it('processMode sync handles one message at a time, in order', async () => {
      await using pubSub = await create('app');
      const topic = newTopic();
      let running = 0;
      let most = 0;
      const seen: string[] = [];
      const handler = async (message: Message) => {
        most = Math.max(most, ++running);
        await delay(2);
        running--;
        if (textOf(message) === '3' && !seen.includes('failed')) {
          seen.push('failed');
          throw new Error('fails once');
        }
        seen.push(textOf(message));
      };
      await using _ = await pubSub.subscribe({ topic, metadata: { processMode: 'sync' } }, handler, never);
      for (let index = 1; index <= 6; index++) await publish(pubSub, topic, String(index));
      await vi.waitFor(() => expect(seen).toEqual(['1', '2', 'failed', '3', '4', '5', '6']), patient);
      expect(most).toBe(1);
    });

    it('a new subscription begins with the next message, or with the oldest that is kept', async () => {
      await using pubSub = await create('publisher');
      const topic = newTopic();
      await using keeper = await create('keeper');
      // its backlog keeps the messages
      const kept = await keeper.subscribe({ topic, metadata: {} }, async () => {}, never);
      await kept[Symbol.asyncDispose]();
      await publish(pubSub, topic, 'before');
      const [late, early]: [string[], string[]] = [[], []];
      await using one = await create('late');
      await using two = await create('early', { subscribeInitialPosition: 'earliest' });
      await using _a = await one.subscribe(
        { topic, metadata: {} },
        async (message) => void late.push(textOf(message)),
        never,
      );
      await using _b = await two.subscribe(
        { topic, metadata: {} },
        async (message) => void early.push(textOf(message)),
        never,
      );
      await publish(pubSub, topic, 'after');
      await vi.waitFor(() => expect(early).toEqual(['before', 'after']), patient);
      await vi.waitFor(() => expect(late).toEqual(['after']), patient);
    });

    it('a pattern subscribes to all topics that it matches, and acknowledges what it handles', async () => {
      const base = newTopic('pattern');
      await using pubSub = await create('app');
      await using other = await create('other');
      for (const name of ['a', 'b']) {
        const made = await other.subscribe({ topic: `${base}-${name}`, metadata: {} }, async () => {}, never);
        await made[Symbol.asyncDispose]();
      }
      const seen: string[] = [];
      const handler = async (message: Message) => {
        seen.push(textOf(message));
        if (seen.length === 1) throw new Error('fails once');
      };
      const metadata = { topicsPattern: `persistent://public/default/${base}-.*` };
      await using _ = await pubSub.subscribe({ topic: base, metadata }, handler, never);
      await publish(pubSub, `${base}-a`, 'a');
      await publish(pubSub, `${base}-b`, 'b');
      await vi.waitFor(
        () => expect(seen.toSorted()).toSatisfy((all: string[]) => all.length === 3 && new Set(all).size === 2),
        patient,
      );
      for (const name of ['a', 'b']) {
        await vi.waitFor(async () => expect(await backlog(`${base}-${name}`, 'app')).toBe(0), patient);
      }
    });

    it('topics that are not persistent, and full names, work too', async () => {
      const name = newTopic();
      const seen: string[] = [];
      await using pubSub = await create('app', { persistent: 'false' });
      const handler = async (message: Message) => void seen.push(textOf(message));
      await using _ = await pubSub.subscribe({ topic: name, metadata: {} }, handler, never);
      await using other = await create('other');
      await publish(other, `non-persistent://public/default/${name}`, 'x');
      await vi.waitFor(() => expect(seen).toEqual(['x']), patient);
    });

    it('tells the registry the schema of a topic, and refuses what does not fit', async () => {
      const topic = newTopic();
      const definition = (type: string) =>
        JSON.stringify({ type: 'record', name: 'Order', fields: [{ name: 'id', type }] });
      await using pubSub = await create('app', {
        [`${topic}.avroschema`]: definition('int'),
        [`${topic}.rawschema`]: 'true',
      });
      const seen: string[] = [];
      await using _ = await pubSub.subscribe(
        { topic, metadata: {} },
        async (message) => void seen.push(textOf(message)),
        never,
      );
      await publish(pubSub, topic, '{"id":7}', { rawPayload: 'true' });
      await vi.waitFor(() => expect(seen).toEqual(['{"id":7}']), patient);
      const refused = publish(pubSub, topic, '{"id":"seven"}', { rawPayload: 'true' });
      await expect(refused).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('id: expected int'),
      });
      expect(await rest(`schemas/public/default/${topic}/schema`)).toMatchObject({
        type: 'AVRO',
        data: definition('int'),
      });

      await using changed = await create('app', {
        [`${topic}.avroschema`]: definition('string'),
        [`${topic}.rawschema`]: 'true',
      });
      await expect(publish(changed, topic, '{"id":"seven"}')).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('refused by Pulsar'),
      });
    });

    it('a message that is too large for the server is refused with the setting to change, and harms no other', async () => {
      await using pubSub = await create('app');
      const topic = newTopic();
      const others = Array.from({ length: 50 }, (_unused, index) => publish(pubSub, topic, String(index)));
      const large = pubSub.publish({ topic, data: Buffer.alloc(2 * 1024 * 1024), metadata: {} }, never);
      await expect(large).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('webSocketMaxTextFrameSize'),
      });
      await expect(Promise.all(others)).resolves.toHaveLength(50);
    });

    it.each([
      ['tenant', { tenant: 'nobody' }],
      ['namespace', { namespace: 'nowhere' }],
    ])('a missing %s is an error that says so', async (_, more) => {
      await using pubSub = await create('app', more);
      const missing = {
        code: 'not-found',
        message: expect.stringMatching(/not (found|exist).*check tenant, namespace/),
      };
      await expect(publish(pubSub, 'x', 'x')).rejects.toMatchObject(missing);
      await expect(pubSub.subscribe({ topic: 'x', metadata: {} }, async () => {}, never)).rejects.toMatchObject(
        missing,
      );
    });

    it('a missing topic is an error where the namespace makes none on first use', async () => {
      const namespace = newTopic('strict');
      const json = { 'content-type': 'application/json' };
      await fetch(`http://${host}/admin/v2/namespaces/public/${namespace}`, {
        method: 'PUT',
        headers: json,
        body: '{}',
      });
      const body = JSON.stringify({ allowAutoTopicCreation: false });
      const path = `namespaces/public/${namespace}/autoTopicCreation`;
      await fetch(`http://${host}/admin/v2/${path}`, { method: 'POST', headers: json, body });
      await using pubSub = await create('app', { namespace });
      const missing = { code: 'not-found', message: expect.stringContaining('check tenant, namespace and topic') };
      await expect(publish(pubSub, 'none', 'x')).rejects.toMatchObject(missing);
      await expect(pubSub.subscribe({ topic: 'none', metadata: {} }, async () => {}, never)).rejects.toMatchObject(
        missing,
      );
    });

    it('needs a consumer id, or an app id, only to subscribe', async () => {
      await using pubSub = await createPubSub({ host, transport: 'websocket' }, { appId: '' });
      await expect(publish(pubSub, newTopic(), 'x')).resolves.toBeUndefined();
      await expect(pubSub.subscribe({ topic: 'x', metadata: {} }, async () => {}, never)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('consumerID'),
      });
    });

    const binary = process.env['OUTRIGGER_TEST_PULSAR_BINARY'];
    it.skipIf(!binary)('the port of the binary protocol is told apart', async () => {
      await expect(createPubSub({ host: binary ?? '', transport: 'websocket' })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('host must name the HTTP port'),
      });
    });
  }),
);

describe('pubsub.pulsar without a broker', () => {
  it('says that it cannot connect, and what to check', async () => {
    await expect(createPubSub({ host: '127.0.0.1:1', transport: 'websocket' })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/ws:\/\/127\.0\.0\.1:1.*check host/),
    });
    await expect(createPubSub({ host: 'nowhere.invalid:8080', transport: 'websocket' })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('says that the native package is missing, where it is asked for', async () => {
    await expect(createPubSub({ host: '127.0.0.1:1', transport: 'native' })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('npm install pulsar-client'),
    });
  });
});
