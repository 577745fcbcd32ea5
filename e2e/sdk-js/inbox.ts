import { expect, vi } from 'vitest';

/** What the SDK's callbacks have seen, by topic. */
export class Inbox {
  readonly #messages = new Map<string, unknown[]>();

  add(topic: string, data: unknown): number {
    const messages = this.#messages.get(topic) ?? [];
    messages.push(data);
    this.#messages.set(topic, messages);
    return messages.length;
  }

  of(topic: string): readonly unknown[] {
    return this.#messages.get(topic) ?? [];
  }

  /** Waits until `count` messages have come in. */
  async wait(topic: string, count: number): Promise<readonly unknown[]> {
    await vi.waitFor(() => expect(this.of(topic).length).toBeGreaterThanOrEqual(count), {
      timeout: 60_000,
      interval: 20,
    });
    return this.of(topic);
  }
}
