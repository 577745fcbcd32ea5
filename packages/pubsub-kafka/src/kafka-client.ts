/** All that this package knows of a Kafka client: the library stands behind it, and only its driver imports the library. */
export interface KafkaClient extends AsyncDisposable {
  /** How many partitions a topic has. A topic that is missing is made, where the brokers do that; else `not-found`. */
  partitions(topic: string): Promise<number>;

  /**
   * Writes records of one topic, in their order, as one request for each partition. Resolves once the brokers have confirmed all
   * of them (as `acks` says); rejects when it is unknown whether they did.
   */
  produce(topic: string, records: readonly OutgoingRecord[]): Promise<void>;

  /** A consumer of the group that has no topics yet and so is no member. */
  member(groupId: string, owner: MemberOwner): GroupMember;
}

export interface OutgoingRecord {
  readonly key: Buffer | undefined;
  /** `undefined`: a tombstone. */
  readonly value: Buffer | undefined;
  readonly headers: ReadonlyMap<string, string>;
  readonly partition: number;
}

export interface IncomingRecord {
  readonly offset: bigint;
  readonly key: Buffer | undefined;
  /** `undefined`: a tombstone. */
  readonly value: Buffer | undefined;
  readonly headers: readonly (readonly [string, Buffer])[];
  /** Milliseconds since 1970. */
  readonly timestamp: bigint;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionOffset extends TopicPartition {
  readonly offset: bigint;
}

/** A member of a consumer group. It stays one through outages: it joins again by itself, for as long as it takes. */
export interface GroupMember {
  /**
   * Resolves once the group has been asked for these topics and has assigned its partitions. The first call rejects when that
   * fails; later ones keep trying. With no topics it leaves the group.
   */
  setTopics(topics: readonly string[]): Promise<void>;

  /** The owner has room again, or wants to go on. */
  wake(): void;

  /**
   * Commits at most what this member may still commit: once a partition is another's, nothing happens. Rejects when it is unknown
   * whether the broker took it.
   */
  commit(offsets: readonly PartitionOffset[]): Promise<void>;
}

/** Who handles what a member is assigned. */
export interface MemberOwner {
  /**
   * These partitions are the member's now, and no others; `offset` is the group's committed one. What comes back is where reading
   * goes on, in the same order.
   */
  assigned(partitions: readonly PartitionOffset[]): bigint[];

  /** The member is about to give its partitions up; until this has resolved they are still its own. Never rejects. */
  revoking(): Promise<void>;

  /** Whether more of this partition may be fetched now. */
  wants(partition: TopicPartition): boolean;

  /**
   * Records of a partition, in order, from the offset that was asked for; the next ones begin at `next` or behind. Called only
   * while the partition is the member's.
   */
  records(partition: TopicPartition, records: readonly IncomingRecord[], next: bigint): void;

  /** What was to be read next is gone; reading goes on at this offset, which may be smaller. */
  restarted(partition: PartitionOffset): void;
}
