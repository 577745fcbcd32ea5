import type { BulkPublishEntry, Message, PubSub, RequestMetadata } from '@outrigger/core';
import type { CuttableRoute, KillableServer } from '../faults.ts';

/**
 * A connected instance, as one replica of the app `consumerId` would have it. The suite disposes it. Topics and consumer ids
 * are unique per case, so all instances may share one backend that is never emptied.
 */
export type CreatePubSub = (options: { readonly consumerId: string }) => Promise<PubSub>;

/** A broker that the suite may kill. */
export type KillableBroker = KillableServer<CreatePubSub>;

/** Where brokers rightly differ. Data, not switches: what is absent is the strict reading of the contract. */
export interface PubSubQuirks {
  /** Instances of the component do not see each other's messages, as with a broker inside one process. Default false. */
  readonly isolated?: boolean;
  /** Messages reach one subscription in another order than they were published. Default false. */
  readonly unordered?: boolean;
  /**
   * Order is promised only among messages of one key, as in a partition or a message group: the metadata that gives a message
   * this key when it is published. Default: among all messages of a topic.
   */
  readonly orderedBy?: (key: string) => RequestMetadata;
  /**
   * A message whose handler rejected waits aside for its next attempt, while those behind it go on. Default false: where there
   * is order, nothing overtakes a message that failed.
   */
  readonly overtakesFailed?: boolean;
  /** How long a failed or abandoned message may take to come again, as the instances are configured. Default 5000. */
  readonly redeliveredWithinMs?: number;
  /** How long a message may take from publisher to handler while all is well, on a busy machine. Default 15000. */
  readonly arrivesWithinMs?: number;
  /** How long the component may take to be back after the broker or the network is. Default 30000. */
  readonly recoversWithinMs?: number;
  /** The wildcard topic that covers `<base>.a` and not `<base>`, for `subscribe-wildcards`. Default: `<base>.*`. */
  readonly wildcardOf?: (base: string) => string;
  /** The broker does not carry metadata from publisher to subscriber. Default false. */
  readonly losesMetadata?: boolean;
  /** The broker's own documents say that it may hand over a message twice although nobody failed. Default false. */
  readonly twice?: boolean;
  /** The largest payload that the broker takes, where that is less than 1 MiB. */
  readonly largestPayload?: number;
  /**
   * How many bytes may wait in the broker while a handler is stuck, where the default of 128 MiB is too much for the server of
   * the tests; a component may hold half of it.
   */
  readonly backlogBytes?: number;
  /** An entry that the broker refuses for its own sake, as one that is too large. Without it no bulk publish fails in part. */
  readonly refusedEntry?: () => Partial<Pick<BulkPublishEntry, 'data' | 'metadata'>>;
  /** The how-manieth delivery of a message this is, where the broker counts; undefined: it does not say. */
  readonly deliveryCountOf?: (message: Message) => number | undefined;
  /**
   * Starts a consumer in a process of its own that receives one message of the topic and is killed while it handles it;
   * resolves when it is dead. Without it the crash case does not run.
   */
  readonly receiveAndDie?: (consumer: { readonly topic: string; readonly consumerId: string }) => Promise<void>;
  /** Without it the cases about a broker that dies do not run. */
  readonly broker?: KillableBroker;
  /** Without it the cases about a network that is cut do not run. */
  readonly network?: CuttableRoute<PubSub, { readonly consumerId: string }>;
}
