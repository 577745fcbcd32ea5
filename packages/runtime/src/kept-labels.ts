import type { MetricLabels } from './metrics.ts';

/** Callers name topics, paths and apps as they like; what is kept for them stays bounded, above what is counted of one metric. */
const mostKept = 6000;

/** Labels that are made once for each key and then come again as the same object. When there are too many keys, all begin anew. */
export class KeptLabels<L = MetricLabels> {
  readonly #byKey = new Map<string, L>();

  get(key: string, make: () => L): L {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (this.#byKey.size >= mostKept) this.#byKey.clear();
    const made = make();
    this.#byKey.set(key, made);
    return made;
  }
}
