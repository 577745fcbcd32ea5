const unitMilliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Parses a Go duration (`1h30m`, `-1.5s`, `100ms`, `0`) to milliseconds. A bare number is counted in `plainUnit`.
 * `undefined` when the text is not a duration.
 */
export function parseDuration(text: string, plainUnit: 'ms' | 's' = 'ms'): number | undefined {
  const trimmed = text.trim();
  if (/^[+-]?\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * (plainUnit === 's' ? 1000 : 1);
  if (!/^[+-]?((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(trimmed)) return undefined;
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (unitMilliseconds[unit ?? ''] ?? 0);
  }
  return trimmed.startsWith('-') ? -total : total;
}

const byteUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['k', 1e3],
  ['kb', 1e3],
  ['m', 1e6],
  ['mb', 1e6],
  ['g', 1e9],
  ['gb', 1e9],
  ['t', 1e12],
  ['tb', 1e12],
  ['ki', 2 ** 10],
  ['kib', 2 ** 10],
  ['mi', 2 ** 20],
  ['mib', 2 ** 20],
  ['gi', 2 ** 30],
  ['gib', 2 ** 30],
  ['ti', 2 ** 40],
  ['tib', 2 ** 40],
]);

/** Parses a Kubernetes-style quantity of bytes (`4Mi`, `500k`, `1024`). `undefined` when the text is none. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const factor = match && byteUnits.get((match[2] ?? '').toLowerCase());
  return factor ? Math.round(Number(match[1]) * factor) : undefined;
}

const truths: ReadonlySet<string> = new Set(['1', 't', 'true', 'y', 'yes', 'on']);
const untruths: ReadonlySet<string> = new Set(['', '0', 'f', 'false', 'n', 'no', 'off']);

/** Parses what Dapr accepts as a boolean in metadata, in any case. `undefined` when the text is none. */
export function parseBoolean(text: string): boolean | undefined {
  const lower = text.trim().toLowerCase();
  if (truths.has(lower)) return true;
  return untruths.has(lower) ? false : undefined;
}
