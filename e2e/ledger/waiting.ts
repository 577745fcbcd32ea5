import { setTimeout as delay } from 'node:timers/promises';

/** Resolves once `condition` holds; rejects with what was waited for when it has not after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await delay(25, undefined, { signal });
  }
}

/** Resolves once `condition` holds, answering true, or once `count` has not changed for `patienceMs`, answering false. */
export async function untilStalled(
  condition: () => boolean,
  count: () => number,
  patienceMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  let last = -1;
  let since = performance.now();
  while (!condition()) {
    const now = count();
    if (now !== last) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since > patienceMs) return false;
    await delay(25, undefined, { signal });
  }
  return true;
}
