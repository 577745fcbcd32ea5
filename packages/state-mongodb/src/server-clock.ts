// What differs by less is the time that answers take on their way.
const sameMs = 1000;
const kept = 8;

/**
 * What time it is at the server, as it says with every heartbeat: who expires what must not depend on the clock of the machine
 * that asks, should that be wrong.
 */
export class ServerClock {
  readonly #measured: number[] = [];
  #ahead = 0;

  /** Takes an answer to `hello`, whenever it comes. */
  readonly set = (hello: { readonly localTime?: unknown }): void => {
    if (!(hello.localTime instanceof Date)) return;
    this.#measured.push(hello.localTime.getTime() - Date.now());
    if (this.#measured.length > kept) this.#measured.shift();
    // an answer may be late, never early: the quickest of the last ones is the nearest
    const ahead = Math.max(...this.#measured);
    this.#ahead = Math.abs(ahead) < sameMs ? 0 : ahead;
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
