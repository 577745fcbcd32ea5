import { ConnectionPool, Consumer, type ConsumerGroupJoinPayload, FetchIsolationLevels } from '@platformatic/kafka';
import { ComponentError, errorMessage } from '@outrigger/core';
import { setTimeout as delay } from 'node:timers/promises';
import { explain, isProtocolError } from './client-errors.ts';
import type { ClientSettings } from './client-settings.ts';
import type { GroupMember, MemberOwner, PartitionOffset, TopicPartition } from './kafka-client.ts';
import { assignerOf, ownedPartitionsOf } from './partition-assigner.ts';
import { commitOffsets, firstOffset, type Membership } from './group-offsets.ts';
import { baseOptions } from './platformatic-options.ts';
import { PlatformaticFetcher } from './platformatic-fetcher.ts';

interface Session {
  readonly consumer: Consumer;
  readonly pool: ConnectionPool;
  readonly fetcher: PlatformaticFetcher;
}

/** How often the first join is tried before the caller hears of it. */
const firstAttempts = 5;
/** How long a commit waits for a rebalance to end. */
const rejoinMs = 3000;

/**
 * A group member made of the library's group protocol and single requests. The library's own consumer stream is not used: after a
 * rebalance an answer that was under way would move its position past records that had been thrown away. Nor is its commit: that
 * joins the group again when it is refused, and then commits for partitions that are another's by now.
 */
export class PlatformaticMember implements GroupMember {
  readonly #settings: ClientSettings;
  readonly #groupId: string;
  readonly #owner: MemberOwner;
  #session: Session | undefined;
  #topics: readonly string[] = [];
  /** As the group has last been told. */
  #joinedTopics: readonly string[] = [];
  #membership: Membership | undefined;
  /** Resolved while there is a membership. */
  #member = Promise.withResolvers<void>();
  #assigned: readonly TopicPartition[] = [];
  /** Partitions of a topic at the last assignment: those beyond are new, and read from their beginning. */
  readonly #partitionCounts = new Map<string, number>();
  /** Counts assignments; work for an older one stops. */
  #epoch = 0;
  #revoking: Promise<void> | undefined;
  #starting: Promise<void> = Promise.resolve();
  /** A join that this member began itself is under way. */
  #joining = false;
  /** No other member was in the group when it was last assigned. */
  #alone = false;
  #mayBeAlone = false;
  #outage = false;
  #refresh: NodeJS.Timeout | undefined;

  constructor(settings: ClientSettings, groupId: string, owner: MemberOwner) {
    this.#settings = settings;
    this.#groupId = groupId;
    this.#owner = owner;
  }

  async setTopics(topics: readonly string[]): Promise<void> {
    this.#topics = topics;
    if (topics.length === 0) return this.#leave();
    const isFirst = !this.#session;
    this.#session ??= this.#open();
    const { topics: tracked } = this.#session.consumer;
    for (const topic of tracked.current) if (!topics.includes(topic)) tracked.untrack(topic);
    for (const topic of topics) if (!tracked.has(topic)) tracked.track(topic);
    try {
      await this.#join(this.#session, isFirst);
    } catch (error) {
      if (isFirst) await this.#leave();
      throw explain(error, this.#settings);
    }
  }

  wake(): void {
    this.#session?.fetcher.wake();
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    if (!this.#membership) await Promise.race([this.#member.promise, delay(rejoinMs, undefined, { ref: false })]);
    const [session, membership] = [this.#session, this.#membership];
    if (!session || !membership) throw new ComponentError('unavailable', 'the group is being rebalanced');
    const mine = offsets.filter(({ topic, partition }) =>
      this.#assigned.some((each) => each.topic === topic && each.partition === partition),
    );
    if (mine.length > 0) await commitOffsets(session.consumer, membership, mine);
  }

  #open(): Session {
    const { heartbeatMs, sessionTimeoutMs, strategy } = this.#settings.consumer;
    const options = baseOptions(this.#settings);
    const assign = assignerOf(strategy);
    const consumer = new Consumer({
      ...options,
      groupId: this.#groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs * 2,
      heartbeatInterval: heartbeatMs,
      isolationLevel: FetchIsolationLevels.READ_UNCOMMITTED,
      protocols: [{ name: strategy, version: 1 }],
      // called before each request to join the group: the moment to let go of what was assigned before
      protocolsMetadata: async (_protocols, topics) => {
        this.#joinedTopics = [...topics];
        await this.#revoke();
        this.#mayBeAlone = true;
        return strategy === 'sticky' ? ownedPartitionsOf(this.#assigned) : Buffer.alloc(0);
      },
      // called only on the leader, and only when there are others
      partitionAssigner: (current, members, topics, metadata) => {
        this.#mayBeAlone = false;
        return assign(current, members, topics, metadata);
      },
    });
    const pool = new ConnectionPool(options.clientId, options);
    const { logger, consumer: settings } = this.#settings;
    const fetcher = new PlatformaticFetcher(consumer, pool, settings, this.#owner, logger, {
      failed: (error) => this.#failed(error),
      recovered: () => this.#recovered(),
    });
    const session = { consumer, pool, fetcher };
    consumer.on('consumer:group:join', (payload) => this.#joined(session, payload));
    consumer.on('error', (error) => void this.#joinAgain(session, error));
    return session;
  }

  async #leave(): Promise<void> {
    const session = this.#session;
    if (!session) return;
    this.#session = undefined;
    this.#epoch++;
    clearInterval(this.#refresh);
    session.fetcher.stop();
    this.#membership = undefined;
    this.#assigned = [];
    try {
      await session.consumer.close(true);
    } catch (error) {
      this.#settings.logger.debug(`leaving the consumer group failed: ${errorMessage(error)}`);
      // then the library leaves them open
      await session.consumer.connections.close().catch(() => {});
    }
    await session.pool.close().catch(() => {});
  }

  /** Resolves once this member has its partitions of all topics. */
  async #join(session: Session, isFirst: boolean): Promise<void> {
    this.#joining = true;
    try {
      for (let attempt = 0; this.#session === session; attempt++) {
        try {
          await session.consumer.joinGroup({});
          await this.#starting;
          if (this.#membership && sameTopics(this.#joinedTopics, this.#topics)) return;
        } catch (error) {
          if (isFirst && (attempt === firstAttempts || !mayPass(explain(error, this.#settings)))) throw error;
          if (this.#session !== session) return;
          this.#failed(error);
          await delay(Math.min(100 * 2 ** attempt, 3000));
        }
      }
    } finally {
      this.#joining = false;
    }
  }

  /** The library has given up joining the group. */
  async #joinAgain(session: Session, error: unknown): Promise<void> {
    this.#failed(error);
    if (this.#joining || this.#session !== session) return;
    this.#joining = true; // of several errors only the first begins it
    await delay(250);
    await this.#join(session, false);
  }

  /** Lets go of the partitions; a second call waits for the first. */
  #revoke(): Promise<void> {
    if (!this.#membership) return this.#revoking ?? Promise.resolve();
    this.#revoking ??= this.#letGo().finally(() => {
      this.#revoking = undefined;
    });
    return this.#revoking;
  }

  async #letGo(): Promise<void> {
    this.#epoch++;
    this.#session?.fetcher.stop();
    // where this member is alone and joins again for another topic, everything comes back to it at once
    if (!this.#alone || !this.#joining) await this.#owner.revoking();
    this.#membership = undefined;
    this.#member = Promise.withResolvers();
  }

  #joined(
    session: Session,
    { memberId, generationId = 0, isLeader = false, assignments = [] }: ConsumerGroupJoinPayload,
  ) {
    if (this.#session !== session) return;
    const epoch = ++this.#epoch;
    this.#membership = { memberId, generationId };
    this.#member.resolve();
    this.#alone = isLeader && this.#mayBeAlone;
    this.#assigned = assignments.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    this.#starting = this.#start(session, epoch, this.#membership);
  }

  /** Goes on with each partition where it must; tried until that is known, or another assignment has come. */
  async #start(session: Session, epoch: number, membership: Membership): Promise<void> {
    for (let attempt = 0; epoch === this.#epoch; attempt++) {
      try {
        const offsets = await this.#offsets(session.consumer, membership);
        if (epoch !== this.#epoch) return;
        const next = this.#owner.assigned(offsets);
        await session.fetcher.start(offsets.map((each, index) => ({ ...each, offset: next[index] ?? each.offset })));
        if (epoch !== this.#epoch) return session.fetcher.stop();
        this.#recovered();
        this.#watchPartitions(session);
        return;
      } catch (error) {
        this.#failed(error);
        await delay(Math.min(100 * 2 ** attempt, 3000));
      }
    }
  }

  /** The committed offsets of what is assigned. One that has none gets it here, so that nothing is missed from now on. */
  async #offsets(consumer: Consumer, membership: Membership): Promise<PartitionOffset[]> {
    const byTopic = Map.groupBy(this.#assigned, ({ topic }) => topic);
    if (byTopic.size === 0) return [];
    const committed = await consumer.listCommittedOffsets({
      topics: Array.from(byTopic, ([topic, all]) => ({ topic, partitions: all.map(({ partition }) => partition) })),
    });
    const { topics: metadata } = await consumer.metadata({ topics: [...byTopic.keys()] });
    const begun: PartitionOffset[] = [];
    const offsets: PartitionOffset[] = [];
    for (const [topic, all] of byTopic) {
      const known = this.#partitionCounts.get(topic);
      for (const { partition } of all) {
        let offset = committed.get(topic)?.[partition] ?? -1n;
        if (offset < 0n) {
          const isNew = known !== undefined && partition >= known;
          const oldest = isNew || this.#settings.consumer.initialOffset === 'oldest';
          offset = await firstOffset(consumer, { topic, partition }, oldest);
          begun.push({ topic, partition, offset });
        }
        offsets.push({ topic, partition, offset });
      }
    }
    if (begun.length > 0) await commitOffsets(consumer, membership, begun);
    for (const topic of byTopic.keys()) this.#partitionCounts.set(topic, metadata.get(topic)?.partitionsCount ?? 0);
    return offsets;
  }

  /** A topic that gets more partitions is assigned anew. */
  #watchPartitions(session: Session): void {
    clearInterval(this.#refresh);
    this.#refresh = setInterval(() => void this.#lookForPartitions(session), this.#settings.topicRefreshMs).unref();
  }

  async #lookForPartitions(session: Session): Promise<void> {
    try {
      const { topics } = await session.consumer.metadata({ topics: [...this.#topics], forceUpdate: true });
      const grown = this.#topics.some((topic) => {
        const known = this.#partitionCounts.get(topic);
        return known !== undefined && (topics.get(topic)?.partitionsCount ?? 0) > known;
      });
      if (grown && !this.#joining && this.#session === session) await this.#join(session, false);
    } catch {
      // asked again the next time
    }
  }

  #failed(error: unknown): void {
    if (this.#outage || !this.#session) return;
    this.#outage = true;
    this.#settings.logger.warn(
      `consumer group "${this.#groupId}" is out of reach, which is tried again: ${errorMessage(explain(error, this.#settings))}`,
    );
  }

  #recovered(): void {
    if (!this.#outage) return;
    this.#outage = false;
    this.#settings.logger.info(`consumer group "${this.#groupId}" is back`);
  }
}

/** Whether a first join that has failed may work a moment later; that the brokers are away is told at once. */
function mayPass(error: ComponentError): boolean {
  return error.code !== 'invalid-argument' && error.code !== 'not-found' && isProtocolError(error);
}

function sameTopics(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((topic) => b.includes(topic));
}
