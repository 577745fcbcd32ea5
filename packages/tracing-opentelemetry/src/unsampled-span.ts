import { randomFillSync } from 'node:crypto';

import type { Span } from '@outrigger/runtime';

/** A span that nobody will see: it has a context of its own that goes on, and that is all. */
export class UnsampledSpan implements Span {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly sampled = false;

  /** Without the id of a trace it begins one. */
  constructor(traceId: string = randomHex(16), tracestate = '') {
    this.traceparent = `00-${traceId}-${randomHex(8)}-00`;
    this.tracestate = tracestate;
  }

  set(): void {}

  fail(): void {}

  end(): void {}
}

/** Random bytes are asked for many at a time. */
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
