import { silentLogger } from '@outrigger/core';
import { expect, it, vi } from 'vitest';
import { ConsumerGroup, type WorkerPlan } from './consumer-group.ts';
import type { GroupMember, KafkaClient, MemberOwner, PartitionOffset } from './kafka-client.ts';

/** A member whose brokers can be away: then commits fail, and a change of the topics lasts until the member leaves. */
class FakeMember implements GroupMember {
  readonly committed: PartitionOffset[] = [];
  isAway = false;
  failingCommits = 0;
  readonly #left = Promise.withResolvers<void>();
  #owner: MemberOwner | undefined;

  of(owner: MemberOwner): this {
    this.#owner = owner;
    return this;
  }

  async setTopics(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) this.#left.resolve();
    else if (this.isAway) await this.#left.promise;
    else this.#owner?.assigned(topics.map((topic) => ({ topic, partition: 0, offset: 0n })));
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    if (this.isAway || this.failingCommits-- > 0) throw new Error('away');
    this.committed.push(...offsets);
  }

  wake(): void {}

  receive(topic: string): void {
    const record = { offset: 0n, key: undefined, value: Buffer.from('x'), headers: [], timestamp: 0n };
    this.#owner?.records({ topic, partition: 0 }, [record], 1n);
  }
}

const plan: WorkerPlan = {
  batchSize: 1,
  batchWaitMs: 0,
  concurrency: 1,
  retryMs: 100,
  bufferedRecords: 10,
  handlerOf: () => async (records) => records.map(() => true),
};

function setUp() {
  const member = new FakeMember();
  const client: Pick<KafkaClient, 'member'> = { member: (_, owner) => member.of(owner) };
  const settings = { groupId: 'g', drainMs: 1000, commitIntervalMs: 60_000, maxBytes: 1000 };
  return { member, group: new ConsumerGroup(client, settings, silentLogger) };
}

it('leaves while the brokers are away, though a topic that was given up before still waits for them', async () => {
  const { member, group } = setUp();
  await group.add('a', plan);
  await group.add('b', plan);
  member.isAway = true;
  const first = group.remove('a');
  await new Promise((resolve) => setImmediate(resolve)); // it joins the group without "a" by now
  await group.remove('b');
  await first;
  expect(group.isEmpty).toBe(true);
});

it('commits what a topic has handled before it gives it up, also when the first try fails', async () => {
  vi.useFakeTimers();
  try {
    const { member, group } = setUp();
    await group.add('a', plan);
    member.receive('a');
    member.failingCommits = 2;
    const removed = group.remove('a');
    await vi.advanceTimersByTimeAsync(1000);
    await removed;
    expect(member.committed).toEqual([{ topic: 'a', partition: 0, offset: 1n }]);
  } finally {
    vi.useRealTimers();
  }
});
