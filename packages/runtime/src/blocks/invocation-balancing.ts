/** Milliseconds for which an address that refused a connection is asked only when no other is left. */
const penalty = 5000;

/**
 * Remembers which addresses did not answer, for all targets. An address comes back by itself after five seconds, or as soon as
 * it answers.
 */
export class UnreachableAddresses {
  readonly #until = new Map<string, number>();

  add(address: string): void {
    const now = performance.now();
    for (const [known, until] of this.#until) if (until <= now) this.#until.delete(known);
    this.#until.set(address, now + penalty);
  }

  delete(address: string): void {
    if (this.#until.size > 0) this.#until.delete(address);
  }

  has(address: string): boolean {
    if (this.#until.size === 0) return false;
    const until = this.#until.get(address);
    if (until === undefined) return false;
    if (until > performance.now()) return true;
    this.#until.delete(address);
    return false;
  }
}

/** Takes the addresses of one target in turn. */
export class RoundRobin {
  #turn = 0;

  /** All of them, in the order in which to try them: those known to be unreachable last. */
  order(addresses: readonly string[], unreachable: UnreachableAddresses): readonly string[] {
    if (addresses.length < 2) return addresses;
    const turn = this.#turn++;
    if (!addresses.some((address) => unreachable.has(address))) return turned(addresses, turn);
    // Only those that answer take turns: else the one behind a dead one would have the calls of both.
    const { up = [], down = [] } = Object.groupBy(addresses, (address) => (unreachable.has(address) ? 'down' : 'up'));
    return [...turned(up, turn), ...down];
  }
}

function turned(addresses: readonly string[], turn: number): readonly string[] {
  const start = turn % addresses.length;
  return start > 0 ? [...addresses.slice(start), ...addresses.slice(0, start)] : addresses;
}
