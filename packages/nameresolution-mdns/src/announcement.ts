import type { AppInstance } from '@outrigger/core';
import type { DecodedPacket } from 'dns-packet';
import type { MulticastSocket } from './multicast-socket.ts';
import { answerOf, type InstanceNames, isLoopback } from './records.ts';

/** Milliseconds from one answer to the next: whoever floods us with questions must not make us flood the network. */
const betweenAnswers = 50;

/** One registered instance: tells of itself when it comes and when it goes, and answers who asks for it. */
export class Announcement {
  readonly instance: AppInstance;
  readonly names: InstanceNames;
  readonly #socket: MulticastSocket;
  /** An address that only this machine can reach is told on this machine only. */
  readonly #local: boolean;
  readonly #timers = new Set<NodeJS.Timeout>();
  #answeredAt = Number.NEGATIVE_INFINITY;
  #answerIsDue = false;
  #ended = false;

  constructor(instance: AppInstance, names: InstanceNames, socket: MulticastSocket) {
    this.instance = instance;
    this.names = names;
    this.#socket = socket;
    this.#local = isLoopback(instance.host);
  }

  /** Twice, a second apart, as RFC 6762 has it in section 8.3. */
  start(): void {
    this.#answer();
    this.#later(1000, () => this.#answer());
  }

  /** Answers by multicast, also where unicast is asked for: nobody can have us send to an address of his choice. */
  answer({ questions, authorities }: DecodedPacket): void {
    // a probe: somebody asks whether a name is free
    if ((authorities?.length ?? 0) > 0) return;
    const names = [this.names.service.toLowerCase(), this.names.instance.toLowerCase()];
    if (!(questions ?? []).some(({ name }) => names.includes(name.toLowerCase())) || this.#answerIsDue) return;
    const wait = this.#answeredAt + betweenAnswers - performance.now();
    if (wait <= 0) this.#answer();
    else {
      this.#answerIsDue = true;
      this.#later(wait, () => {
        this.#answerIsDue = false;
        this.#answer();
      });
    }
  }

  /** Says goodbye; resolves when that has been sent. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.#socket.send({ type: 'response', ...answerOf(this.instance, this.names, true) }, this.#local);
  }

  #answer(): void {
    if (this.#ended) return;
    this.#answeredAt = performance.now();
    void this.#socket.send({ type: 'response', ...answerOf(this.instance, this.names) }, this.#local);
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms).unref();
    this.#timers.add(timer);
  }
}
