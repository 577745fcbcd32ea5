import { expect, it, vi } from 'vitest';
import { PulledSubscription } from './pulled-subscription.ts';

/** A broker that shows what was not acknowledged to whoever asks, in memory. */
class MemoryClient {
  readonly waiting: { readonly id: string; readonly data: Uint8Array }[] = [];
  readonly acknowledged: string[] = [];
  readonly givenBack: string[] = [];

  async next(signal: AbortSignal) {
    return vi.waitFor(
      () => {
        signal.throwIfAborted();
        const item = this.waiting.shift();
        if (!item) throw new Error('nothing yet');
        return item;
      },
      { interval: 5, timeout: 200 },
    );
  }

  async acknowledge(id: string) {
    this.acknowledged.push(id);
  }

  async giveBack(id: string) {
    this.givenBack.push(id);
  }
}

it('the subscription of docs/writing-a-component.md acknowledges what was handled, and gives back what was not', async () => {
  const client = new MemoryClient();
  const handled: string[] = [];
  const subscription = new PulledSubscription(client, { topic: 'orders', metadata: {} }, async ({ data }) => {
    const text = Buffer.from(data).toString();
    handled.push(text);
    if (text === 'bad') throw new Error('not now');
  });
  client.waiting.push({ id: '1', data: Buffer.from('good') }, { id: '2', data: Buffer.from('bad') });
  await expect.poll(() => [client.acknowledged, client.givenBack]).toEqual([['1'], ['2']]);
  await subscription[Symbol.asyncDispose]();
  client.waiting.push({ id: '3', data: Buffer.from('late') });
  expect(handled).toEqual(['good', 'bad']);
});
