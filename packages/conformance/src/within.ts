/**
 * How many times as long as usual the kit waits for what must come: `OUTRIGGER_CONFORMANCE_PATIENCE`, default 1. For machines
 * whose processors others use as well. What must not come is not waited for any longer.
 */
export const patience = patienceOf(process.env['OUTRIGGER_CONFORMANCE_PATIENCE']);

/** How long what needs no server may take. */
export const promptMs = 5000 * patience;

/** How long a call to a server that is gone may take to say so, and to work again once the server is back. */
export interface OutageLimits {
  readonly failsWithinMs: number;
  readonly recoversWithinMs: number;
}

export function outageLimits({
  failsWithinMs = 15_000,
  recoversWithinMs = 30_000,
}: Partial<OutageLimits>): OutageLimits {
  return { failsWithinMs: failsWithinMs * patience, recoversWithinMs: recoversWithinMs * patience };
}

/** An upper bound for a case in which a server is gone for some time. */
export function outageTimeout(quirks: Partial<OutageLimits>): number {
  const { failsWithinMs, recoversWithinMs } = outageLimits(quirks);
  return 60_000 * patience + 4 * failsWithinMs + 4 * recoversWithinMs;
}

/** Never aborts. */
export const never: AbortSignal = new AbortController().signal;

/** Resolves to what the promise does, and rejects when it takes longer. */
export async function within<T>(milliseconds: number, what: string, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

function patienceOf(text = '1'): number {
  const factor = Number(text);
  if (factor >= 1 && factor <= 100) return factor;
  throw new Error(`OUTRIGGER_CONFORMANCE_PATIENCE is "${text}"; it has to be a number from 1 to 100`);
}
