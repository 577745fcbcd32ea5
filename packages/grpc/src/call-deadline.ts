const units: Readonly<Record<string, number>> = { n: 1e-6, u: 1e-3, m: 1, S: 1000, M: 60_000, H: 3_600_000 };

/** The longest time that a timer can wait, in milliseconds. What would be later never happens. */
const longestTimer = 2 ** 31 - 1;

/** `grpc-timeout` in milliseconds, at least one; `undefined` for a text that is none. */
export function parseTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  if (match === null) return undefined;
  return Math.max(1, Math.ceil(Number(match[1]) * (units[match[2] ?? ''] ?? NaN)));
}

/** Calls back once after so many milliseconds. */
export function deadlineTimer(milliseconds: number, passed: () => void): NodeJS.Timeout | undefined {
  return milliseconds > longestTimer ? undefined : setTimeout(passed, milliseconds);
}
