/** What a Node timer can hold, just under 25 days; it takes anything longer for 1 ms, so longer waits end here. */
export const longestTimer: number = 2 ** 31 - 1;

/**
 * Resolves after `milliseconds`. An abort ends the wait at once: it rejects with the signal's reason and leaves no timer.
 * The timer keeps the process alive, since somebody waits for what comes after it.
 */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      },
      Math.min(milliseconds, longestTimer),
    );
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
