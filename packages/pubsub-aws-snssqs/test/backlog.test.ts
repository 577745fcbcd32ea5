import type { PubSub } from '@outrigger/core';
import { requireBackend } from '@outrigger/conformance';
import { expect, it, vi } from 'vitest';
import { createPubSub, credentials, howToStartAws, never, region, unique } from './create.ts';
import { TextInbox } from './inbox.ts';

requireBackend('OUTRIGGER_TEST_AWS', howToStartAws, (address) => {
  it('a backlog of several topics at the start comes at once, and none of it is taken for a stranger’s', async () => {
    const consumerID = unique('backlog');
    const topics = Array.from({ length: 6 }, (_, index) => unique(`topic${index}`));
    const warn = vi.fn();
    const logger = { isEnabled: () => true, debug() {}, info() {}, warn, error() {} };
    const properties = { endpoint: `http://${address}`, region, ...credentials, consumerID };
    const create = () => createPubSub({ ...properties, messageVisibilityTimeout: '60' }, { logger });
    const subscribe = (pubSub: PubSub, inbox: TextInbox) =>
      Promise.all(topics.map((topic) => pubSub.subscribe({ topic, metadata: {} }, inbox.handler, never)));
    {
      await using before = await create();
      for (const subscription of await subscribe(before, new TextInbox())) await subscription[Symbol.asyncDispose]();
      for (const topic of topics) {
        for (const text of ['a', 'b', 'c', 'd']) {
          await before.publish({ topic, data: Buffer.from(`${topic} ${text}`), metadata: {} }, never);
        }
      }
    }
    await using after = await create();
    const inbox = new TextInbox();
    await subscribe(after, inbox);
    await inbox.has(24); // what is put back stays hidden for a minute
    expect(warn).not.toHaveBeenCalled();
  });
});
