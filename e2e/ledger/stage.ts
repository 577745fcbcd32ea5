import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { type Network, openNetwork } from '@outrigger/conformance/network';

import { BehaviourFile } from './behaviour.ts';
import type { Broker, Outage, Place } from './broker.ts';
import { type LaneName, laneNames } from './message.ts';
import { Publisher } from './publisher.ts';
import { RecordReader } from './record.ts';
import { Replica } from './replica.ts';
import { until } from './waiting.ts';

export interface StageOptions {
  readonly broker: Broker;
  readonly place: Place;
  /** An empty one, for the files of this run. */
  readonly folder: string;
  /** Makes topics and app ids of one run differ from those of others. */
  readonly run: string;
  readonly messages: number;
  readonly replicas: number;
  /** Whether the broker is reached through a network that can be cut. */
  readonly cuttable: boolean;
  readonly signal: AbortSignal;
}

/** A run's processes: a sidecar to publish through, the replicas that subscribe, and what faults need to get at them. */
export class Stage implements AsyncDisposable {
  readonly #options: StageOptions;
  readonly record: RecordReader;
  readonly behaviour: BehaviourFile;
  readonly #all: Replica[] = [];
  #witness: Replica | undefined;
  #network: Network | undefined;
  #place: Place;
  #publisher: Publisher | undefined;
  #joined = 0;

  private constructor(options: StageOptions) {
    this.#options = options;
    this.#place = options.place;
    this.record = new RecordReader(join(options.folder, 'record'));
    this.behaviour = new BehaviourFile(join(options.folder, 'behaviour.json'));
  }

  static async open(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    try {
      await stage.#open();
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  get publisher(): Publisher {
    if (!this.#publisher) throw new Error('the stage is not open');
    return this.#publisher;
  }

  get network(): Network {
    if (!this.#network) throw new Error('this run has no network to cut');
    return this.#network;
  }

  /** How many messages were dealt with so far. */
  get settled(): number {
    return this.record.settled().size;
  }

  /** The replica that was there first. */
  get first(): Replica {
    const [first] = this.#all;
    if (!first) throw new Error('the stage is not open');
    return first;
  }

  get replicas(): readonly Replica[] {
    return this.#all;
  }

  get logs(): ReadonlyMap<string, string> {
    return new Map([...this.#all, ...(this.#witness ? [this.#witness] : [])].map(({ name, logs }) => [name, logs]));
  }

  pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#options.signal });
  }

  until(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
    return until(what, condition, timeoutMs, this.#options.signal);
  }

  /** Resolves once so many more messages were dealt with, or all that are to be published by now. */
  progress(count: number): Promise<void> {
    const before = this.settled;
    const enough = () => this.settled >= Math.floor(Math.min(before + count, this.publisher.planned * 0.95));
    return this.until(`${count} messages more than ${before} were handled`, enough);
  }

  /** Resolves once the app has failed messages of every lane. */
  untilStuck(): Promise<void> {
    const stuck = () => {
      const lanes = this.record.entries().flatMap(({ deed, lane }) => (deed === 'failed' ? [lane] : []));
      return new Set(lanes).size === laneNames.length;
    };
    return this.until('every lane has a message that fails', stuck);
  }

  get outageKind(): Broker['outage']['what'] {
    return this.#options.broker.outage.what;
  }

  outage(): Promise<Outage> {
    return this.#options.broker.outage.begin(this.#place);
  }

  /** One replica more. */
  async join(): Promise<Replica> {
    const { folder, run } = this.#options;
    const name = `replica-${++this.#joined}`;
    const replica = await Replica.start({
      name,
      appId: `ledger-${run}`,
      resourcesPath: join(folder, 'resources'),
      app: this.#appOptions(laneNames.map((lane) => this.#subscription(lane))),
    });
    this.#all.push(replica);
    return replica;
  }

  /** Its sidecar is told to end, then its app. */
  async leave(replica: Replica): Promise<void> {
    await replica.stopSidecar('SIGTERM');
    await replica.killApp();
  }

  async #open(): Promise<void> {
    const { broker, folder, run, messages, replicas, cuttable, signal } = this.#options;
    if (cuttable && broker.network) {
      const { listenPort, ...target } = broker.network(this.#place);
      this.#network = await openNetwork(target, listenPort === undefined ? {} : { listenPort });
      this.#place = { ...this.#place, address: this.#network.address };
    }
    this.#writeResources();
    const witness = Replica.start({
      name: 'publisher',
      appId: `ledger-${run}-publisher`,
      resourcesPath: join(folder, 'resources'),
      app: this.#appOptions([{ pubsubname: 'policy', topic: this.#deadTopic, route: '/dead' }]),
    }).then((replica) => (this.#witness = replica));
    const joins = Array.from({ length: replicas }, () => this.join());
    const started = await Promise.allSettled([witness, ...joins]);
    for (const outcome of started) if (outcome.status === 'rejected') throw outcome.reason;
    this.#publisher = new Publisher({
      httpPort: (await witness).httpPort,
      keyMetadata: broker.keyMetadata ?? 'partitionKey',
      topicOf: (lane) => ({ pubsub: lane, topic: this.#topic(lane) }),
      total: messages,
      signal,
    });
  }

  #appOptions(subscriptions: readonly object[]) {
    return { record: this.record.path, behaviour: this.behaviour.path, subscriptions, workMs: 1 };
  }

  #topic(lane: LaneName): string {
    return `ledger-${this.#options.run}-${lane}`;
  }

  get #deadTopic(): string {
    return `ledger-${this.#options.run}-dead`;
  }

  #subscription(lane: LaneName): object {
    const { subscribe } = this.#options.broker.lanes[lane];
    return {
      pubsubname: lane,
      topic: this.#topic(lane),
      route: lane === 'bulk' ? '/bulk' : '/single',
      ...(subscribe ? { metadata: subscribe } : {}),
      ...(lane === 'policy' ? { deadLetterTopic: this.#deadTopic } : {}),
      ...(lane === 'bulk' ? { bulkSubscribe: { enabled: true, maxMessagesCount: 20, maxAwaitDurationMs: 50 } } : {}),
    };
  }

  #writeResources(): void {
    const { broker, folder } = this.#options;
    const resources = join(folder, 'resources');
    mkdirSync(resources, { recursive: true });
    for (const lane of laneNames) {
      const metadata = { ...broker.metadata(this.#place), ...broker.lanes[lane].metadata };
      const component = {
        apiVersion: 'dapr.io/v1alpha1',
        kind: 'Component',
        metadata: { name: lane },
        spec: {
          type: broker.type,
          version: 'v1',
          // for a machine that is busy
          initTimeout: '60s',
          metadata: Object.entries(metadata).map(([name, value]) => ({ name, value })),
        },
      };
      // JSON is YAML
      writeFileSync(join(resources, `${lane}.yaml`), JSON.stringify(component, undefined, 2));
    }
    writeFileSync(join(resources, 'resiliency.yaml'), JSON.stringify(resiliency, undefined, 2));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const everybody = [...this.#all, ...(this.#witness ? [this.#witness] : [])];
    await Promise.all(everybody.map((replica) => replica[Symbol.asyncDispose]()));
    await this.#network?.[Symbol.asyncDispose]();
    this.record[Symbol.dispose]();
  }
}

/** With retries that never end nothing is ever a cause for a dead letter, except that the app drops the message. */
const resiliency = {
  apiVersion: 'dapr.io/v1alpha1',
  kind: 'Resiliency',
  metadata: { name: 'ledger' },
  spec: {
    policies: {
      timeouts: { patient: '2s' },
      retries: { forever: { policy: 'constant', duration: '200ms', maxRetries: -1 } },
    },
    targets: { components: { policy: { inbound: { timeout: 'patient', retry: 'forever' } } } },
  },
};
