import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type Opossum from 'opossum';

let loaded: typeof Opossum | undefined;

/** Loads opossum when the first breaker is made, not before: loading it takes some 4 ms. Synchronous, since it is CommonJS. */
export function loadOpossum(): typeof Opossum {
  loaded ??= createRequire(import.meta.url)('opossum') as typeof Opossum;
  return loaded;
}

/**
 * A closed opossum circuit that is driven by hand: `open()` starts its timer (unref'd) which leads to `halfOpen` after
 * `resetTimeout` milliseconds, `close()` ends that.
 *
 * Its own counting is off: it knows failure rates over a rolling window, keeps the latency of each call, and lets one call
 * through when half-open. `rollingCountTimeout: false` does not stop the window's interval timer (it falls back to 10 s); an
 * emitter that never rotates the window does.
 */
export function createCircuit(resetTimeout: number): Opossum {
  const Circuit = loadOpossum();
  return new Circuit(neverFired, {
    name: 'outrigger',
    timeout: false,
    resetTimeout,
    rotateBucketController: new EventEmitter(),
    enableSnapshots: false,
    rollingCountBuckets: 1,
    rollingPercentilesEnabled: false,
  });
}

const neverFired = (): Promise<void> => Promise.resolve();
