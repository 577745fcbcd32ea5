import { ProduceAcks, Producer } from '@platformatic/kafka';
import type { ClientSettings } from './client-settings.ts';
import { diagnose } from './connection-diagnosis.ts';
import { explain } from './client-errors.ts';
import type { GroupMember, KafkaClient, MemberOwner, OutgoingRecord } from './kafka-client.ts';
import { baseOptions } from './platformatic-options.ts';
import { PlatformaticMember } from './platformatic-member.ts';

const acksOf = { all: ProduceAcks.ALL, local: ProduceAcks.LEADER, none: ProduceAcks.NO_RESPONSE } as const;

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
    try {
      // a topic that was made just now has no leader for a moment, which the library waits for
      const { topics } = await this.#producer.metadata({ topics: [topic], autocreateTopics: true });
      return topics.get(topic)?.partitionsCount ?? 0;
    } catch (error) {
      throw explain(error, this.#settings, topic);
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
