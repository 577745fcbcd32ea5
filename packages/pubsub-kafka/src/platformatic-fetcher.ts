import type { ConnectionPool, Consumer, RecordsBatch } from '@platformatic/kafka';
import type { Logger } from '@outrigger/core';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerSettings } from './client-settings.ts';
import type { IncomingRecord, MemberOwner, PartitionOffset, TopicPartition } from './kafka-client.ts';
import { firstOffset } from './group-offsets.ts';
import { responseOf } from './client-errors.ts';

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;

/** Hears how fetching goes. */
export interface FetchHealth {
  failed(error: unknown): void;
  recovered(): void;
}

/** A partition and the offset to fetch next. */
interface Position extends TopicPartition {
  topicId: string;
  leader: number;
  offset: bigint;
}

/** The most bytes of one answer. */
const answerBytes = 16 * 1024 * 1024;
/** How long a fetch waits for records; the shorter one while some partitions are left out that may have room at any time. */
const waitMs = 500;
const shortWaitMs = 100;
const pauseAfterErrorMs = 250;
/** Of Kafka's protocol: an error, and bits of a batch's attributes. */
const offsetOutOfRange = 1;
const [isControl, hasAppendTime] = [0x20, 0x08];

/** Fetches the records of the partitions that a member is assigned, with one request at a time to each broker. */
export class PlatformaticFetcher {
  readonly #consumer: Consumer;
  /** Connections of its own: a fetch that waits would hold up heartbeats and commits. */
  readonly #pool: ConnectionPool;
  readonly #settings: ConsumerSettings;
  readonly #owner: MemberOwner;
  readonly #logger: Logger;
  readonly #health: FetchHealth;
  readonly #busy = new Set<number>();
  #positions = new Map<string, Position>();

  constructor(
    consumer: Consumer,
    pool: ConnectionPool,
    settings: ConsumerSettings,
    owner: MemberOwner,
    logger: Logger,
    health: FetchHealth,
  ) {
    this.#consumer = consumer;
    this.#pool = pool;
    this.#settings = settings;
    this.#owner = owner;
    this.#logger = logger;
    this.#health = health;
  }

  /** From now on these are fetched, and what was asked for before is thrown away when it comes. */
  async start(offsets: readonly PartitionOffset[]): Promise<void> {
    const positions = new Map<string, Position>();
    for (const offset of offsets) positions.set(keyOf(offset), { ...offset, topicId: '', leader: -1 });
    await this.#findLeaders(positions);
    this.#positions = positions;
    this.wake();
  }

  stop(): void {
    this.#positions = new Map();
  }

  has(partition: TopicPartition): boolean {
    return this.#positions.has(keyOf(partition));
  }

  /** Starts a fetch from every broker that has none under way and has partitions with room. */
  wake(): void {
    const positions = this.#positions;
    const free = [...positions.values()].filter(({ leader }) => !this.#busy.has(leader));
    for (const [leader, all] of Map.groupBy(free, (position) => position.leader)) {
      const wanted = all.filter((position) => this.#owner.wants(position));
      if (wanted.length === 0) continue;
      this.#busy.add(leader);
      void this.#fetch(positions, leader, wanted, wanted.length === all.length ? waitMs : shortWaitMs).then(() => {
        this.#busy.delete(leader);
        this.wake();
      });
    }
  }

  async #fetch(
    positions: ReadonlyMap<string, Position>,
    leader: number,
    wanted: readonly Position[],
    maxWaitTime: number,
  ): Promise<void> {
    const asked = new Map(wanted.map((position) => [`${position.topicId}:${position.partition}`, position]));
    let answer: FetchResponse | undefined;
    try {
      answer = await this.#consumer.fetch({
        node: leader,
        topics: Array.from(
          Map.groupBy(wanted, ({ topicId }) => topicId),
          ([topicId, partitions]) => ({ topicId, partitions: partitions.map((each) => this.#request(each)) }),
        ),
        minBytes: this.#settings.fetchMinBytes,
        maxBytes: answerBytes,
        maxWaitTime,
        connectionPool: this.#pool,
      });
      this.#health.recovered();
    } catch (error) {
      if (positions !== this.#positions) return;
      this.#health.failed(error);
      answer = responseOf<FetchResponse>(error);
      await this.#recover(positions, asked, answer);
    }
    if (!answer || positions !== this.#positions) return;
    for (const { topicId, partitions } of answer.responses) {
      for (const { partitionIndex, errorCode, records } of partitions) {
        const position = asked.get(`${topicId}:${partitionIndex}`);
        if (position && errorCode === 0 && records) this.#hand(position, records);
      }
    }
  }

  #request({ partition, offset }: Position) {
    const partitionMaxBytes = this.#settings.fetchBytes;
    return { partition, fetchOffset: offset, partitionMaxBytes, currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
  }

  #hand(position: Position, batches: readonly RecordsBatch[]): void {
    const found: IncomingRecord[] = [];
    let next = position.offset;
    for (const batch of batches) {
      const after = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
      if (after > next) next = after;
      if ((batch.attributes & isControl) !== 0) continue;
      for (const record of batch.records) {
        const offset = batch.firstOffset + BigInt(record.offsetDelta);
        if (offset < position.offset) continue; // of a batch that begins before
        found.push({
          offset,
          key: record.key ?? undefined,
          value: record.value ?? undefined,
          headers: record.headers.map(([name, value]) => [name?.toString() ?? '', value ?? Buffer.alloc(0)]),
          timestamp:
            (batch.attributes & hasAppendTime) === 0
              ? batch.firstTimestamp + record.timestampDelta
              : batch.maxTimestamp,
        });
      }
    }
    position.offset = next;
    this.#owner.records(position, found, next);
  }

  /** After an answer with errors, or none: what can be mended is mended, and the next fetch comes a little later. */
  async #recover(
    positions: ReadonlyMap<string, Position>,
    asked: ReadonlyMap<string, Position>,
    answer: FetchResponse | undefined,
  ): Promise<void> {
    try {
      for (const { topicId, partitions } of answer?.responses ?? []) {
        for (const { partitionIndex, errorCode } of partitions) {
          const position = asked.get(`${topicId}:${partitionIndex}`);
          if (position && errorCode === offsetOutOfRange) await this.#restart(positions, position);
        }
      }
      await delay(pauseAfterErrorMs);
      await this.#findLeaders(positions);
    } catch {
      // tried again after the next fetch
      await delay(pauseAfterErrorMs);
    }
  }

  /** The offset is gone, by retention or because the topic was made anew: what is there is read from its beginning. */
  async #restart(positions: ReadonlyMap<string, Position>, position: Position): Promise<void> {
    const { topic, partition } = position;
    const offset = await firstOffset(this.#consumer, { topic, partition }, true);
    if (positions !== this.#positions) return;
    this.#logger.warn(
      `topic "${topic}", partition ${partition}: offset ${position.offset} is not there any more (retention, or the topic was made anew); going on at ${offset}, the oldest there is`,
    );
    position.offset = offset;
    this.#owner.restarted({ topic, partition, offset });
  }

  async #findLeaders(positions: ReadonlyMap<string, Position>): Promise<void> {
    const topics = [...new Set(Array.from(positions.values(), ({ topic }) => topic))];
    if (topics.length === 0) return;
    const metadata = await this.#consumer.metadata({ topics, forceUpdate: true });
    for (const position of positions.values()) {
      const topic = metadata.topics.get(position.topic);
      position.topicId = topic?.id ?? position.topicId;
      position.leader = topic?.partitions[position.partition]?.leader ?? position.leader;
    }
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}:${partition}`;
}
