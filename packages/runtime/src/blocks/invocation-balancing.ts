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
    const start = this.#turn++ % addresses.length;
    const turned = start === 0 ? addresses : [...addresses.slice(start), ...addresses.slice(0, start)];
    if (!turned.some((address) => unreachable.has(address))) return turned;
    return turned.toSorted((a, b) => Number(unreachable.has(a)) - Number(unreachable.has(b)));
  }
}
