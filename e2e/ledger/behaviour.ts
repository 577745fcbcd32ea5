import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/**
 * How the apps answer deliveries: `hang` never does; `fail` with 500; `garbage` in turn with an unknown status, with bytes that
 * are not HTTP, and with half a body.
 */
export type Mode = 'ok' | 'hang' | 'fail' | 'garbage';

export interface Behaviour {
  readonly mode: Mode;
  /** Whether messages marked as stuck are failed. */
  readonly stuck: boolean;
}

/** How the apps of a run behave, in a file: it holds for those that start later, too. */
export class BehaviourFile {
  readonly path: string;
  #now: Behaviour = { mode: 'ok', stuck: false };

  constructor(path: string) {
    this.path = path;
    this.set({});
  }

  set(change: Partial<Behaviour>): void {
    this.#now = { ...this.#now, ...change };
    // no app ever reads half of it
    writeFileSync(`${this.path}.new`, JSON.stringify(this.#now));
    renameSync(`${this.path}.new`, this.path);
  }
}

export function readBehaviour(path: string): Behaviour {
  return JSON.parse(readFileSync(path, 'utf8')) as Behaviour;
}
