import { vi } from 'vitest';

/** Resolves when a count has begun to grow and has stopped. Nothing tells that something does not happen, so this looks again and again. */
export async function settled(count: () => number): Promise<void> {
  let last = -1;
  await vi.waitFor(
    () => {
      const now = count();
      const hasGrown = now !== last;
      last = now;
      if (hasGrown || now === 0) throw new Error('still growing');
    },
    { interval: 250, timeout: 20_000 },
  );
}
