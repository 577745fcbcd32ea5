import type { HeldMessage } from './held-message.ts';
import type { QueueRequests } from './queue-requests.ts';

/** Renewed when less than this share of the visibility timeout is left. */
const renewBelow = 0.8;
const beatsPerTimeout = 4;
/** Beats under way at a time while SQS is slow. */
const maxBeats = 3;

/** Keeps the messages that a consumer holds hidden from others, for as long as it holds them. */
export class Heartbeat {
  readonly #requests: QueueRequests;
  readonly #visibilitySeconds: number;
  readonly #held: () => Iterable<HeldMessage>;
  readonly #beats = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(requests: QueueRequests, visibilitySeconds: number, held: () => Iterable<HeldMessage>) {
    this.#requests = requests;
    this.#visibilitySeconds = visibilitySeconds;
    this.#held = held;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#beat(), (this.#visibilitySeconds * 1000) / beatsPerTimeout);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Resolves when no renewal is under way that could hide a message once more. */
  async quiet(): Promise<void> {
    await Promise.all(this.#beats);
  }

  #beat(): void {
    const now = Date.now();
    const soon = now + this.#visibilitySeconds * 1000 * renewBelow;
    const due = [...this.#held()].filter(({ hiddenUntil }) => hiddenUntil < soon);
    if (due.length === 0 || this.#beats.size >= maxBeats) return;
    const beat = this.#renew(due, now).finally(() => this.#beats.delete(beat));
    this.#beats.add(beat);
  }

  // What could not be renewed is tried with the next beat.
  async #renew(due: readonly HeldMessage[], now: number): Promise<void> {
    const { done } = await this.#requests.hide(due, this.#visibilitySeconds);
    for (const held of done) held.hiddenUntil = now + this.#visibilitySeconds * 1000;
  }
}
