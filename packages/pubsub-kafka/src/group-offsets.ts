import { type Consumer, ListOffsetTimestamps, offsetCommitV8 } from '@platformatic/kafka';
import { ComponentError } from '@outrigger/core';
import type { PartitionOffset, TopicPartition } from './kafka-client.ts';

/** Under which a member may commit. */
export interface Membership {
  readonly memberId: string;
  readonly generationId: number;
}

/**
 * Commits offsets as this very membership: one that the group has gone past is refused. The library's own commit would join the
 * group again then, and commit for partitions that are another's by now.
 */
export async function commitOffsets(
  consumer: Consumer,
  { generationId, memberId }: Membership,
  offsets: readonly PartitionOffset[],
): Promise<void> {
  const coordinator = await consumer.findGroupCoordinator();
  const { brokers } = await consumer.metadata({ topics: [] });
  const broker = brokers.get(coordinator);
  if (!broker) throw new ComponentError('unavailable', 'the coordinator of the group is not known');
  const connection = await consumer.connections.get(broker);
  const topics = Array.from(
    Map.groupBy(offsets, ({ topic }) => topic),
    ([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: -1,
      })),
    }),
  );
  await offsetCommitV8.api.async(connection, consumer.groupId, generationId, memberId, null, topics);
}

/** The offset of the oldest message of a partition, or the one that the next message will have. */
export async function firstOffset(
  consumer: Consumer,
  { topic, partition }: TopicPartition,
  oldest: boolean,
): Promise<bigint> {
  const offsets = await consumer.listOffsets({
    topics: [topic],
    partitions: { [topic]: [partition] },
    timestamp: oldest ? ListOffsetTimestamps.EARLIEST : ListOffsetTimestamps.LATEST,
  });
  const offset = offsets.get(topic)?.[partition];
  if (offset === undefined) throw new ComponentError('unavailable', `no offset of topic "${topic}" is known`);
  return offset;
}
