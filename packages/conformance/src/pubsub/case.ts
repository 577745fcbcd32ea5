import type { PubSub, RequestMetadata } from '@outrigger/core';
import { Inbox, type Work } from './inbox.ts';
import { patience } from '../within.ts';
import { unique } from './names.ts';
import type { CreatePubSub, PubSubQuirks } from './quirks.ts';

/** Ends the case without a verdict. */
type Skip = (reason: string) => never;

/** One thing that a user would notice. Rejects where the component breaks it. */
export interface PubSubCase {
  readonly title: string;
  /** Why it says nothing about a component with these quirks; false or undefined: it does. */
  readonly unless?: (setUp: SetUp) => string | false | undefined;
  readonly run: (setUp: SetUp, skip: Skip) => Promise<void>;
}

/** The component under test with its quirks and what follows from them. */
export class SetUp {
  readonly quirks: PubSubQuirks;
  readonly isolated: boolean;
  readonly unordered: boolean;
  /** Nothing overtakes a message that failed. */
  readonly keepsPlace: boolean;
  readonly arrivesWithinMs: number;
  readonly redeliveredWithinMs: number;
  readonly recoversWithinMs: number;
  /** Published with this, messages have an order wherever the component promises one. */
  readonly ordered: RequestMetadata;
  readonly #create: CreatePubSub;

  constructor(create: CreatePubSub, quirks: PubSubQuirks) {
    this.#create = create;
    this.quirks = quirks;
    this.isolated = quirks.isolated ?? false;
    this.unordered = quirks.unordered ?? false;
    this.keepsPlace = !this.unordered && !quirks.overtakesFailed;
    this.arrivesWithinMs = (quirks.arrivesWithinMs ?? 15_000) * patience;
    this.redeliveredWithinMs = quirks.redeliveredWithinMs ?? 5000;
    this.recoversWithinMs = (quirks.recoversWithinMs ?? 30_000) * patience;
    this.ordered = quirks.orderedBy?.('one') ?? {};
  }

  /** An upper bound for any one case. */
  get timeoutMs(): number {
    const { arrivesWithinMs, redeliveredWithinMs, recoversWithinMs } = this;
    return 60_000 * patience + 4 * arrivesWithinMs + 6 * redeliveredWithinMs + 3 * recoversWithinMs;
  }

  create(consumerId: string = unique('app')): Promise<PubSub> {
    return this.#create({ consumerId });
  }

  /** The same component, its instances made in another way. */
  with(create: CreatePubSub | undefined): SetUp {
    return create ? new SetUp(create, this.quirks) : this;
  }

  /** Another replica of the same app, or the same instance where instances do not share messages. */
  async replicaOf(pubSub: PubSub, consumerId: string): Promise<PubSub> {
    return this.isolated ? pubSub : this.create(consumerId);
  }

  /** What subscribes to see what happens; `work` is the handler, which by default succeeds at once. */
  inbox(work?: Work): Inbox {
    return new Inbox(this.arrivesWithinMs, work);
  }
}
