import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  GroupMember,
  IncomingRecord,
  KafkaClient,
  MemberOwner,
  PartitionOffset,
  TopicPartition,
} from './kafka-client.ts';
import { PartitionWorker, type RecordHandler, type WorkerSettings } from './partition-worker.ts';

/** What a subscription does with the partitions of its topic. */
export interface WorkerPlan extends WorkerSettings {
  readonly handlerOf: (partition: number) => RecordHandler;
}

interface Topic {
  readonly plan: WorkerPlan;
  readonly workers: Map<number, PartitionWorker>;
  paused: boolean;
}

export interface GroupSettings {
  readonly groupId: string;
  /** How long a rebalance waits for handlers in flight. */
  readonly drainMs: number;
  /** How long an offset may wait to be committed, so that many go in one request. */
  readonly commitIntervalMs: number;
  /** Bytes held for one topic from which on nothing more of it is fetched. */
  readonly maxBytes: number;
}

/** So many commits in a row have failed when it is told. */
const reportedFailures = 50;
/** For how long a topic that is given up tries to commit while that fails, and the pause in between. */
const leavingMs = 2000;
const commitPauseMs = 100;

/** One membership of the consumer group: the topics that are subscribed, and a worker for each partition it is assigned. */
export class ConsumerGroup implements MemberOwner {
  readonly #settings: GroupSettings;
  readonly #logger: Logger;
  readonly #member: GroupMember;
  readonly #topics = new Map<string, Topic>();
  /** What is done with and not committed yet. */
  #dirty = new Map<PartitionWorker, TopicPartition>();
  #commitTimer: NodeJS.Timeout | undefined;
  #committing: Promise<void> | undefined;
  #failedCommits = 0;
  #changing: Promise<void> = Promise.resolve();
  #revoking = false;

  constructor(client: Pick<KafkaClient, 'member'>, settings: GroupSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#member = client.member(settings.groupId, this);
  }

  has(topic: string): boolean {
    return this.#topics.has(topic);
  }

  get isEmpty(): boolean {
    return this.#topics.size === 0;
  }

  /** Resolves once the member has its partitions of the topic, and where it starts is settled. */
  async add(topic: string, plan: WorkerPlan): Promise<void> {
    this.#topics.set(topic, { plan, workers: new Map(), paused: false });
    try {
      await this.#change();
    } catch (error) {
      this.#topics.delete(topic);
      await this.#change().catch(() => {});
      throw error;
    }
  }

  pause(topic: string): void {
    this.#each(topic, (worker) => worker.pause(), true);
  }

  resume(topic: string): void {
    this.#each(topic, (worker) => this.#revoking || worker.resume(), false);
    this.#member.wake();
  }

  #each(name: string, act: (worker: PartitionWorker) => void, paused: boolean): void {
    const topic = this.#topics.get(name);
    if (!topic) return;
    topic.paused = paused;
    for (const worker of topic.workers.values()) act(worker);
  }

  /** Hands nothing more over, waits for what is in flight, commits, and gives the partitions back. */
  async remove(name: string): Promise<void> {
    const topic = this.#topics.get(name);
    if (!topic) return;
    this.pause(name);
    await Promise.all([...topic.workers.values()].map((worker) => worker.settled()));
    await this.#commitOf(topic);
    this.#topics.delete(name);
    for (const worker of topic.workers.values()) worker.close({ abort: false });
    if (this.isEmpty) {
      clearTimeout(this.#commitTimer);
      this.#commitTimer = undefined;
    }
    await this.#change();
  }

  // One change of the topics after the other, each with all that is wanted by then. A member that leaves waits for no other: a join
  // that goes on through an outage ends with it.
  #change(): Promise<void> {
    const change = () => this.#member.setTopics([...this.#topics.keys()]);
    const changed = this.isEmpty ? change() : this.#changing.then(change);
    this.#changing = Promise.allSettled([this.#changing, changed]).then(() => {});
    return changed;
  }

  assigned(partitions: readonly PartitionOffset[]): bigint[] {
    this.#revoking = false;
    const kept = new Set<PartitionWorker>();
    const positions = partitions.map(({ topic: name, partition, offset }) => {
      const topic = this.#topics.get(name);
      if (!topic) return offset; // unsubscribed in the meantime: nothing of it is wanted
      let worker = topic.workers.get(partition);
      // another member has had it in the meantime, and got further
      if (worker && offset > worker.committable) {
        worker.close({ abort: true });
        worker = undefined;
      }
      worker ??= this.#worker(topic, { topic: name, partition, offset });
      topic.workers.set(partition, worker);
      kept.add(worker);
      if (worker.committable > offset) this.#dirty.set(worker, { topic: name, partition });
      return worker.next;
    });
    for (const { workers, paused } of this.#topics.values()) {
      for (const [partition, worker] of workers) {
        if (!kept.has(worker)) {
          worker.close({ abort: true });
          workers.delete(partition);
        } else if (!paused) worker.resume();
      }
    }
    for (const worker of this.#dirty.keys()) if (!kept.has(worker)) this.#dirty.delete(worker);
    if (this.#dirty.size > 0) this.#commitSoon();
    return positions;
  }

  async revoking(): Promise<void> {
    this.#revoking = true;
    const workers = [...this.#topics.values()].flatMap((topic) => [...topic.workers.values()]);
    for (const worker of workers) worker.pause();
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#settings.drainMs);
    });
    const settled = Promise.all(workers.map((worker) => worker.settled())).then(() => this.#commit());
    await Promise.race([settled, tooLong]);
    clearTimeout(timer);
    // what is done with by now, although others still run
    if (workers.some((worker) => worker.running > 0))
      await Promise.race([this.#commit(), delay(1000, undefined, { ref: false })]);
  }

  wants({ topic: name, partition }: TopicPartition): boolean {
    const topic = this.#topics.get(name);
    const worker = topic?.workers.get(partition);
    if (!topic || !worker?.hasRoom) return false;
    let bytes = 0;
    for (const each of topic.workers.values()) bytes += each.bytes;
    return bytes < this.#settings.maxBytes;
  }

  records({ topic, partition }: TopicPartition, records: readonly IncomingRecord[], next: bigint): void {
    this.#topics.get(topic)?.workers.get(partition)?.add(records, next);
  }

  restarted(offset: PartitionOffset): void {
    const topic = this.#topics.get(offset.topic);
    if (!topic) return;
    const before = topic.workers.get(offset.partition);
    before?.close({ abort: false });
    if (before) this.#dirty.delete(before);
    const worker = this.#worker(topic, offset);
    topic.workers.set(offset.partition, worker);
    this.#dirty.set(worker, offset); // the committed offset may be one that is gone
    this.#commitSoon();
  }

  #worker(topic: Topic, { topic: name, partition, offset }: PartitionOffset): PartitionWorker {
    const worker: PartitionWorker = new PartitionWorker({
      ...topic.plan,
      handle: topic.plan.handlerOf(partition),
      offset,
      done: () => {
        this.#dirty.set(worker, { topic: name, partition });
        this.#commitSoon();
      },
      moved: () => this.#member.wake(),
    });
    if (topic.paused) worker.pause();
    return worker;
  }

  #commitSoon(): void {
    this.#commitTimer ??= setTimeout(() => {
      this.#commitTimer = undefined;
      void this.#commit();
    }, this.#settings.commitIntervalMs);
  }

  /** Tries on for a moment when a commit fails: without it, what a topic that is given up has handled comes again elsewhere. */
  async #commitOf({ workers }: Topic): Promise<void> {
    const deadline = performance.now() + leavingMs;
    for (;;) {
      await this.#commit();
      const isCommitted = ![...workers.values()].some((worker) => this.#dirty.has(worker));
      if (isCommitted || performance.now() > deadline) return;
      await delay(commitPauseMs);
    }
  }

  /** Resolves once everything that is done with by now is committed, or this has failed and is tried again later. */
  async #commit(): Promise<void> {
    while (this.#committing) await this.#committing;
    if (this.#dirty.size === 0) return;
    this.#committing = this.#commitAll();
    await this.#committing;
  }

  async #commitAll(): Promise<void> {
    const dirty = this.#dirty;
    this.#dirty = new Map();
    try {
      await this.#member.commit([...dirty].map(([worker, of]) => ({ ...of, offset: worker.committable })));
      if (this.#failedCommits >= reportedFailures) this.#logger.info('offsets are committed again');
      this.#failedCommits = 0;
    } catch (error) {
      for (const [worker, of] of dirty) if (!worker.closed) this.#dirty.set(worker, of);
      if (this.#dirty.size > 0) this.#commitSoon();
      // a rebalance or an outage is no reason to tell of it: the member does
      if (++this.#failedCommits === reportedFailures) {
        this.#logger.warn(
          `offsets cannot be committed, which is tried again; handled messages come again if this process ends before: ${errorMessage(error)}`,
        );
      }
    } finally {
      this.#committing = undefined;
    }
  }
}

export function needsGroup(groupId: string): void {
  if (groupId !== '') return;
  throw new ComponentError(
    'invalid-argument',
    'consumerGroup (or consumerID) is needed to subscribe: there is no app id to default to',
  );
}
