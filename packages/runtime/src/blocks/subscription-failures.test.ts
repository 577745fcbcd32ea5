import type { Logger, Message } from '@outrigger/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SubscriptionFailures } from './subscription-failures.ts';

const never = new AbortController().signal;
const message: Message = { topic: 'orders', data: Buffer.from('{}'), metadata: {} };
const ownError = new Error('no stock');
const failure = new Error('the handler threw: no stock', { cause: ownError });

function recorded(isDebug = false) {
  const lines: string[] = [];
  const write = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const logger: Logger = {
    isEnabled: (level) => isDebug || level !== 'debug',
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  return { lines, failures: new SubscriptionFailures({ pubsubName: 'kafka', deadLetters: undefined, logger }) };
}

describe('the log of failed deliveries', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('names the event, the topic, the component and the reason, once', async () => {
    const { lines, failures } = recorded();
    await expect(failures.failed(message, '7', failure, never)).rejects.toBe(failure);
    expect(lines).toEqual([
      'warn event 7 of topic orders on pubsub kafka failed and will come again: the handler threw: no stock',
    ]);
  });

  it('shows at debug where the handler threw', async () => {
    const { lines, failures } = recorded(true);
    await expect(failures.failed(message, '7', failure, never)).rejects.toBe(failure);
    expect(lines[0]).toBe(`debug delivering event 7 of topic orders on pubsub kafka failed: ${ownError.stack}`);
  });

  it('tells of an event that fails for ever once in 30 s, with how often it did', () => {
    const { lines, failures } = recorded();
    for (let n = 0; n < 100; n++) failures.comeAgain('orders', ['7'], failure);
    expect(lines).toHaveLength(1);
    vi.advanceTimersByTime(30_000);
    failures.comeAgain('orders', ['7'], failure);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('no stock (99 more failed in the meantime');
  });

  it('tells of the first failure of others meanwhile, but of no more than ten', () => {
    const { lines, failures } = recorded();
    for (let n = 0; n < 100; n++) failures.comeAgain('orders', [String(n)], failure);
    expect(lines).toHaveLength(10);
  });

  it('names only some events of a batch', () => {
    const { lines, failures } = recorded();
    failures.comeAgain('orders', ['1', '2', '3', '4', '5', '6', '7'], failure);
    expect(lines[0]).toContain('7 events (1, 2, 3, 4, 5, …) of topic orders on pubsub kafka failed');
  });

  it('counts what goes back because delivery ends, and calls it no failure', () => {
    const { lines, failures } = recorded();
    for (const id of ['1', '2', '3']) failures.givenBack('orders', [id], failure);
    expect(lines).toEqual([]);
    failures.tellGivenBack('orders');
    failures.tellGivenBack('orders');
    expect(lines).toEqual([
      'info 3 messages of topic orders on pubsub kafka were not handled before delivery ended; they go back to the broker',
    ]);
  });
});
