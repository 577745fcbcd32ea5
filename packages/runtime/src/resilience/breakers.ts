import {
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  type CircuitState,
  type Logger,
} from '@outrigger/core';

import { RecentlyUsed } from './recently-used.ts';
import type { TargetEvents } from './target-events.ts';

/** A breaker as a resource describes it. */
export interface BreakerSettings {
  readonly options: CircuitBreakerOptions;
  /** Everything that makes it what it is; two with the same one are the same. */
  readonly identity: string;
}

/** The breakers of one target. */
export interface TargetBreakers {
  /** Made with the first call, and anew when it has not been asked for in a long time: to be asked for with each call. */
  get(key: string): CircuitBreaker;
}

interface BreakersOptions {
  readonly limit: number;
  readonly direction: string;
  readonly events: TargetEvents;
}

interface Entry {
  readonly breaker: CircuitBreaker;
  state: CircuitState;
  isDropped: boolean;
}

/** All breakers. They outlive a reload of the policies: those whose settings stay the same go on as they are. */
export class Breakers {
  readonly #logger: Logger;
  readonly #targets: RecentlyUsed<BreakersOfTarget>;

  /** `limit`: how many targets may be kept, where callers name them as they like. */
  constructor(logger: Logger, limit = Infinity) {
    this.#logger = logger;
    this.#targets = new RecentlyUsed(limit, (target) => target.dropAll());
  }

  /**
   * The breakers of that target, at most `limit` of them. `events` is told of them from now on, in the place of those that had told
   * the same `direction` before. Keys are what the log calls the breakers.
   */
  of(target: string, settings: BreakerSettings, { limit, direction, events }: BreakersOptions): TargetBreakers {
    let known: BreakersOfTarget | undefined;
    const current = (): BreakersOfTarget => {
      const found = this.#targets.get(target, () => new BreakersOfTarget(this.#logger));
      if (found === known) return found;
      found.set(settings, limit);
      found.tell(direction, events);
      return (known = found);
    };
    current();
    return { get: (key) => current().get(key) };
  }
}

class BreakersOfTarget {
  readonly #logger: Logger;
  readonly #entries = new RecentlyUsed<Entry>(1, (entry) => this.#drop(entry));
  readonly #told = new Map<string, TargetEvents>();
  readonly #counts: Record<CircuitState, number> = { closed: 0, 'half-open': 0, open: 0 };
  #settings: BreakerSettings | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** With other settings than before, all start anew. */
  set(settings: BreakerSettings, limit: number): void {
    if (this.#settings?.identity !== settings.identity) this.#entries.clear();
    this.#settings = settings;
    this.#entries.resize(limit);
  }

  tell(direction: string, events: TargetEvents): void {
    this.#told.set(direction, events);
    events.showState(this.#state);
  }

  get(key: string): CircuitBreaker {
    return this.#entries.get(key, () => this.#make(key)).breaker;
  }

  dropAll(): void {
    this.#entries.clear();
  }

  #make(key: string): Entry {
    const entry: Entry = {
      breaker: circuitBreaker({
        ...this.#settings?.options,
        onStateChange: (from, to) => this.#changed(entry, key, from, to),
      }),
      state: 'closed',
      isDropped: false,
    };
    this.#counts.closed++;
    return entry;
  }

  #changed(entry: Entry, name: string, from: CircuitState, to: CircuitState): void {
    if (entry.isDropped) return; // by calls that began before
    const [{ label: target } = { label: undefined }] = this.#told.values();
    this.#logger.info(`Circuit breaker ${JSON.stringify(name)} changed state from ${from} to ${to}`, { target });
    this.#counts[from]--;
    this.#counts[to]++;
    entry.state = to;
    for (const events of this.#told.values()) events.stateChanged(to);
    this.#show();
  }

  #drop(entry: Entry): void {
    entry.isDropped = true;
    this.#counts[entry.state]--;
    if (entry.state !== 'closed') this.#show();
  }

  /** The worst of all. */
  get #state(): CircuitState {
    if (this.#counts.open > 0) return 'open';
    return this.#counts['half-open'] > 0 ? 'half-open' : 'closed';
  }

  #show(): void {
    for (const events of this.#told.values()) events.showState(this.#state);
  }
}
