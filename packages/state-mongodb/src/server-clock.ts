// An answer of the server is hardly ever read later than that.
const usualMs = 5000;

/**
 * What time it is at the server, as it says with every heartbeat: what expires must not depend on the clock of the machine that
 * asks, should that be wrong. The own clock is taken as long as the answers allow that it is right.
 */
export class ServerClock {
  #ahead = 0;

  /** Takes an answer to `hello`, which has been under way for `upTo` milliseconds at the most. */
  set({ localTime }: { readonly localTime?: unknown }, upTo = usualMs): void {
    if (!(localTime instanceof Date)) return;
    const atLeast = localTime.getTime() - Date.now();
    this.#ahead = Math.min(Math.max(this.#ahead, atLeast), atLeast + upTo);
  }

  now(): Date {
    return new Date(Date.now() + this.#ahead);
  }

  /** When an item ends that is written now; `null` for one that never ends. */
  expiresAt(ttlInSeconds: number | undefined): Date | null {
    if (ttlInSeconds === undefined || ttlInSeconds <= 0) return null;
    return new Date(this.now().getTime() + ttlInSeconds * 1000);
  }
}
