import { setTimeout as delay } from 'node:timers/promises';
import { ComponentError, policy, retry } from '@outrigger/core';
import { describe, expect, it } from 'vitest';

import { markersIn, outboxScene, upsert } from '../../test/outbox-scene.ts';

const never = new AbortController().signal;
const text = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();
/** Long enough for an event to be looked for, missed and given back some times. */
const aWhile = 150;

describe('a transaction on a store with an outbox', () => {
  it('publishes what is upserted, and leaves no marker behind', async () => {
    const { handle, store, events, internal } = await outboxScene();
    await handle.transact(
      [upsert('1', '"two"', { isJson: true }), { operation: 'delete', request: { key: 'gone' } }],
      {},
      never,
      { traceparent: '00-11111111111111111111111111111111-2222222222222222-01', tracestate: 'a=b' },
    );
    expect(text((await handle.get('1'))?.value)).toBe('"two"');
    await expect.poll(() => events).toHaveLength(1);
    expect(events[0]).toEqual({
      id: expect.stringMatching(/^outbox-[-0-9a-f]{36}$/) as string,
      data: 'two',
      datacontenttype: 'text/plain',
      pubsubname: 'pubsub',
      source: 'shop',
      specversion: '1.0',
      time: expect.any(String) as string,
      topic: 'orders',
      traceid: '00-11111111111111111111111111111111-2222222222222222-01',
      traceparent: '00-11111111111111111111111111111111-2222222222222222-01',
      tracestate: 'a=b',
      type: 'com.dapr.event.sent',
    });
    expect(internal).toHaveLength(1);
    await expect.poll(async () => await markersIn(store)).toEqual([]);
  });

  it('sends a projection in place of what is written, under the metadata of the operation beside it', async () => {
    const { handle, events } = await outboxScene();
    const metadata = { 'cloudevent.type': 'order.made', subject: 'o-1', shop: 'north', ttlInSeconds: '60' };
    await handle.transact([
      upsert('1', '{"secret":true}', { isJson: true, metadata }),
      upsert('1', '{"n":12345678901234567890}', { isJson: true, metadata: { 'outbox.projection': 'true' } }),
    ]);
    expect(text((await handle.get('1'))?.value)).toBe('{"secret":true}');
    await expect.poll(() => events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      data: { n: expect.any(Number) as number },
      datacontenttype: 'application/json',
      type: 'order.made',
      subject: 'o-1',
      shop: 'north',
    });
    expect(events[0]).not.toHaveProperty('ttlInSeconds');
    expect(events[0]).not.toHaveProperty('expiration');
  });

  it('refuses a projection of an operation that is not there', async () => {
    const { handle, internal } = await outboxScene();
    const projection = upsert('2', '1', { metadata: { 'outbox.projection': 'true' } });
    await expect(handle.transact([upsert('1', '1'), projection])).rejects.toMatchObject({
      httpStatus: 400,
      message: expect.stringContaining("projection for key '2'") as string,
    });
    expect(internal).toEqual([]);
  });

  it('keeps the bytes of JSON, and takes bytes without a type for a text', async () => {
    const { handle, internal, events } = await outboxScene();
    await handle.transact([
      upsert('1', '{"n":12345678901234567890}', { metadata: { contentType: 'application/json' } }),
      upsert('2', '{"n":1}'),
      upsert('3', '{"n":2}', { metadata: { datacontenttype: 'application/json', id: 'mine', data: 'mine' } }),
    ]);
    await expect.poll(() => events).toHaveLength(3);
    expect(text(internal[0]?.data)).toContain('"data":{"n":12345678901234567890}');
    expect(events.map(({ data }) => data)).toEqual([{ n: expect.any(Number) as number }, '{"n":1}', { n: 2 }]);
    expect(events[2]?.['id']).toMatch(/^outbox-/);
  });

  it('publishes nothing when the store refuses it', async () => {
    const { handle, store, events, internal, log } = await outboxScene();
    await handle.save([{ key: '1', value: Buffer.from('old') }]);
    await expect(handle.transact([upsert('1', 'new', { etag: 'wrong' })])).rejects.toThrow(/possible etag mismatch/);
    expect(internal).toHaveLength(1);
    await handle.transact([upsert('2', 'fine')]);
    await expect.poll(() => events).toHaveLength(1);
    expect(events[0]).toMatchObject({ data: 'fine' });
    await expect.poll(async () => await markersIn(store)).toEqual([]);
    expect(log.lines.join('\n')).not.toContain('yet');
  });

  it('is not made when its events cannot be handed over', async () => {
    const { handle } = await outboxScene({
      broker: () => ({ publish: () => Promise.reject(new ComponentError('unavailable', 'the broker is away')) }),
    });
    await expect(handle.transact([upsert('1', 'new')])).rejects.toMatchObject({
      errorCode: 'ERR_PUBLISH_OUTBOX',
      httpStatus: 500,
      message: 'error while publishing outbox message: the broker is away',
    });
    expect(await handle.get('1')).toBeUndefined();
  });

  it('publishes when the answer to it was lost and the next try is refused', async () => {
    let tries = 0;
    const { handle, events } = await outboxScene({
      store: (memory) => ({
        transact: async (...args) => {
          await memory.transact?.(...args);
          if (++tries === 1) throw new ComponentError('unavailable', 'the answer is lost');
        },
      }),
      policy: policy([retry({ policy: 'constant', duration: 1, maxRetries: 3 })]),
      timing: { looks: [1000] },
    });
    await handle.transact([upsert('1', 'new')]);
    expect(tries).toBe(1);
    await expect.poll(() => events).toHaveLength(1);
  });

  it('publishes when the caller was told of a failure that was none', async () => {
    const { handle, events } = await outboxScene({
      store: (memory) => ({
        transact: async (...args) => {
          await memory.transact?.(...args);
          throw new ComponentError('unavailable', 'the answer is lost');
        },
      }),
    });
    await expect(handle.transact([upsert('1', 'new')])).rejects.toThrow('the answer is lost');
    await expect.poll(() => events).toHaveLength(1);
  });

  it('obeys topic scopes for its own topic and for the one that its events are for', async () => {
    for (const allowedTopics of ['orders', 'shopordersoutbox']) {
      const { handle } = await outboxScene({ brokerProperties: { allowedTopics } });
      await expect(handle.transact([upsert('1', '1')])).rejects.toThrow(
        /topic \w+ is not allowed for app id shop; see allowedTopics, protectedTopics and publishingScopes of component "pubsub"/,
      );
      expect(await handle.get('1')).toBeUndefined();
    }
  });

  it('fails at once when its own topic can never be listened to', async () => {
    const { handle } = await outboxScene({
      brokerProperties: { subscriptionScopes: 'shop=orders' },
      timing: { start: 60_000 },
    });
    await expect(handle.transact([upsert('1', '1')])).rejects.toThrow(
      /does not listen: topic shopordersoutbox is not allowed for app id shop; see .*subscriptionScopes/,
    );
    expect(await handle.get('1')).toBeUndefined();
  });

  it('counts its markers among the operations that the store can take', async () => {
    const { handle } = await outboxScene({ store: () => ({ maxTransactionSize: 3 }) });
    await expect(handle.transact([upsert('1', '1'), upsert('2', '2')])).rejects.toThrow(/contains 4 operations/);
    await handle.transact([upsert('1', '1'), { operation: 'delete', request: { key: '2' } }]);
  });

  it('encrypts what is stored, and publishes what was saved', async () => {
    const { handle, store, events } = await outboxScene({
      properties: { primaryEncryptionKey: '0'.repeat(64) },
      secretNames: { primaryEncryptionKey: 'key' },
    });
    await handle.transact([upsert('1', 'plain')]);
    await expect.poll(() => events).toMatchObject([{ data: 'plain' }]);
    expect(text((await store.get({ key: 'shop||1' }, never))?.value)).toMatch(/\|\|key$/);
    expect(text((await handle.get('1'))?.value)).toBe('plain');
  });
});

describe('an event whose transaction is not to be found', () => {
  const event = { topic: 'shopordersoutbox', data: Buffer.from('{"id":"outbox-lost","data":1}'), metadata: {} };

  it('comes again until the transaction is done after all', async () => {
    const { broker, store, events, log } = await outboxScene();
    await broker.publish(event, never);
    await delay(aWhile);
    expect(events).toEqual([]);
    await store.set({ key: 'outbox-lost', value: Buffer.from('"0"') }, never);
    await expect.poll(() => events).toHaveLength(1);
    expect(events[0]).toMatchObject({ id: 'outbox-lost', data: 1, topic: 'orders', pubsubname: 'pubsub' });
    expect(log.lines.join('\n')).not.toContain('drops');
  });

  it.each([
    ['is dropped with outboxDiscardWhenMissingState', { properties: { outboxDiscardWhenMissingState: 'true' } }],
    ['is dropped when it was missed for long', { timing: { patience: 20 } }],
  ])('%s, and then the transaction cannot be done any more', async (_, setup) => {
    const { broker, store, events, log } = await outboxScene(setup);
    await broker.publish(event, never);
    await expect.poll(() => log.lines.join('\n')).toContain('drops event outbox-lost');
    expect(events).toEqual([]);
    const late = store.transact?.(
      [
        { operation: 'set', key: 'k', value: Buffer.from('v') },
        { operation: 'set', key: 'outbox-lost', value: Buffer.from('"0"'), concurrency: 'first-write' },
      ],
      {},
      never,
    );
    await expect(late).rejects.toMatchObject({ code: 'etag-mismatch' });
    expect(await store.get({ key: 'k' }, never)).toBeUndefined();
  });

  it('is never dropped because the store cannot be asked', async () => {
    let isAway = true;
    const { broker, store, events } = await outboxScene({
      properties: { outboxDiscardWhenMissingState: 'true' },
      store: (memory) => ({
        get: (...args) =>
          isAway ? Promise.reject(new ComponentError('unavailable', 'the store is away')) : memory.get(...args),
      }),
    });
    await store.set({ key: 'outbox-lost', value: Buffer.from('"0"') }, never);
    await broker.publish(event, never);
    await delay(aWhile);
    isAway = false;
    await expect.poll(() => events).toHaveLength(1);
  });
});

describe('the way of an event', () => {
  it('is gone again when the topic does not take it, and only its marker when that stays behind', async () => {
    let refusals = 2;
    let removals = 0;
    const { handle, store, events, log } = await outboxScene({
      broker: (bus) => ({
        publish: (request, signal) =>
          request.topic === 'orders' && refusals-- > 0
            ? Promise.reject(new ComponentError('unavailable', 'away'))
            : bus.publish(request, signal),
      }),
      store: (memory) => ({
        delete: (...args) =>
          ++removals === 1 ? Promise.reject(new ComponentError('unavailable', 'away')) : memory.delete(...args),
      }),
    });
    await handle.transact([upsert('1', 'new')]);
    await expect.poll(async () => await markersIn(store)).toEqual([]);
    expect(removals).toBe(2);
    expect(events).toHaveLength(1);
    const name = 'the outbox of state component store (topic shopordersoutbox on pubsub pubsub)';
    await expect
      .poll(() => log.lines.filter((line) => line.includes('sends')))
      .toEqual([`warn ${name} sends no events, which wait: away`, `info ${name} sends events again`]);
  });

  it('ends at once when the outbox does, and goes on with the next', async () => {
    const { broker, store, events, forwarder } = await outboxScene({ timing: { looks: [60_000] } });
    await broker.publish(
      { topic: 'shopordersoutbox', data: Buffer.from('{"id":"outbox-slow","data":1}'), metadata: {} },
      never,
    );
    await delay(20);
    await forwarder.stop(new AbortController().signal);
    await store.set({ key: 'outbox-slow', value: Buffer.from('"0"') }, never);
    await forwarder.start(never);
    await expect.poll(() => events).toHaveLength(1);
  });

  it('drops what is none', async () => {
    const { broker, log } = await outboxScene();
    await broker.publish({ topic: 'shopordersoutbox', data: Buffer.from('hello'), metadata: {} }, never);
    await expect.poll(() => log.lines.join('\n')).toContain('no event of an outbox');
  });
});
