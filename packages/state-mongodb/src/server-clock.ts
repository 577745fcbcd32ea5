/**
 * What time it is at the server, as it says with every heartbeat: who expires what must not depend on the clock of the machine
 * that asks.
 */
export class ServerClock {
  #ahead = 0;

  /** Takes an answer to `hello`, whenever it comes. */
  readonly set = (hello: { readonly localTime?: unknown }): void => {
    if (hello.localTime instanceof Date) this.#ahead = hello.localTime.getTime() - Date.now();
  };

  now(): Date {
    return new Date(Date.now() + this.#ahead);
  }

  /** When an item ends that is written now; `null` for one that never ends. */
  expiresAt(ttlInSeconds: number | undefined): Date | null {
    if (ttlInSeconds === undefined || ttlInSeconds <= 0) return null;
    return new Date(this.now().getTime() + ttlInSeconds * 1000);
  }
}
