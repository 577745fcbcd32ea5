import { silentLogger } from '@outrigger/core';
import { describe, expect, it, onTestFinished } from 'vitest';

import { Stop } from './stop.ts';

function newStop(): Stop {
  const stop = new Stop(silentLogger);
  onTestFinished(() => stop[Symbol.dispose]());
  return stop;
}

const never = (signal: AbortSignal): Promise<void> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

describe('the wish to stop', () => {
  it('is told once, with its first reason', async () => {
    const stop = newStop();
    stop.request('first');
    stop.request('second');
    await stop.requested;
    expect(stop.signal.reason).toMatchObject({ message: 'first' });
  });

  it('blocks for as long as it was told', async () => {
    const stop = newStop();
    stop.request('enough');
    await stop.block(1, never);
  });

  it('blocks no longer than the app is healthy', async () => {
    const stop = newStop();
    stop.request('enough');
    const unhealthy = Promise.withResolvers<void>();
    const blocking = stop.block(60_000, () => unhealthy.promise);
    unhealthy.resolve();
    await blocking;
  });

  it('blocks no longer when a further signal comes', async () => {
    const stop = newStop();
    process.emit('SIGTERM');
    const blocking = stop.block(60_000, never);
    process.emit('SIGTERM');
    await blocking;
  });
});
