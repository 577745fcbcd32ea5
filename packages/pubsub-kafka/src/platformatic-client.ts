import { setTimeout as delay } from 'node:timers/promises';
import { ProduceAcks, Producer } from '@platformatic/kafka';
import type { ClientSettings } from './client-settings.ts';
import { diagnose } from './connection-diagnosis.ts';
import { explain } from './client-errors.ts';
import type { GroupMember, KafkaClient, MemberOwner, OutgoingRecord } from './kafka-client.ts';
import { baseOptions } from './platformatic-options.ts';
import { PlatformaticMember } from './platformatic-member.ts';

const acksOf = { all: ProduceAcks.ALL, local: ProduceAcks.LEADER, none: ProduceAcks.NO_RESPONSE } as const;

/** How long a broker may take to make a topic. */
const topicMadeMs = 5000;

/** The driver over `@platformatic/kafka`. */
export class PlatformaticClient implements KafkaClient {
  readonly #settings: ClientSettings;
  readonly #producer: Producer;

  private constructor(settings: ClientSettings) {
    this.#settings = settings;
    const { acks, retries, compression } = settings.producer;
    this.#producer = new Producer({
      ...baseOptions(settings),
      retries,
      acks: acksOf[acks],
      compression,
    });
    this.#producer.on('error', () => {}); // told by the calls that fail
  }

  /** Resolves once a broker has answered, with the login that is set. */
  static async connect(settings: ClientSettings): Promise<PlatformaticClient> {
    const client = new PlatformaticClient(settings);
    try {
      await client.#producer.metadata({ topics: [], retries: 0 });
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw (await diagnose(error, settings)) ?? explain(error, settings);
    }
  }

  async partitions(topic: string): Promise<number> {
    // A topic that was made just now has no leader for a moment, which the library waits for. A busy broker answers for some
    // seconds that it does not know the topic, which it also does when it makes none.
    const deadline = performance.now() + topicMadeMs;
    for (;;) {
      try {
        const { topics } = await this.#producer.metadata({ topics: [topic], autocreateTopics: true });
        return topics.get(topic)?.partitionsCount ?? 0;
      } catch (error) {
        const explained = explain(error, this.#settings, topic);
        if (explained.code !== 'not-found' || performance.now() > deadline) throw explained;
        await delay(200);
      }
    }
  }

  async produce(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    const messages = records.map(({ key, value, headers, partition }) => ({
      topic,
      partition,
      ...(key && { key }),
      ...(value && { value }),
      headers: new Map(Array.from(headers, ([name, text]) => [Buffer.from(name), Buffer.from(text)])),
    }));
    try {
      await this.#producer.send({ messages, acks: acksOf[this.#settings.producer.acks] });
    } catch (error) {
      throw explain(error, this.#settings, topic);
    }
  }

  member(groupId: string, owner: MemberOwner): GroupMember {
    return new PlatformaticMember(this.#settings, groupId, owner);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close(true);
  }
}
