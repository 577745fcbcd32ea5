import type { Route } from '../http/route.ts';
import { pathMatcher } from './path-matching.ts';

/** `spec.metrics.http` of the Configuration. */
export interface HttpLabelSettings {
  /** Count by path; else by the name of the operation, and calls to the app by their status alone. */
  readonly increasedCardinality: boolean;
  /** Leave the label `method` empty. */
  readonly excludeVerbs: boolean;
  /** Patterns that paths are counted under, whatever `increasedCardinality` says. */
  readonly pathMatching: readonly string[];
}

export interface RequestLabels {
  readonly method: string;
  /** `undefined`: the label is left out. */
  readonly path: string | undefined;
}

/** Where a path fits no pattern, and paths are not counted otherwise. */
const unmatched = '_';
const invokePath = /^\/v1\.0\/invoke\/[^/]+\/method(\/.*)$/;

/** What requests are counted under, for both directions. */
export class HttpLabels {
  readonly #settings: HttpLabelSettings;
  readonly #match: ((path: string) => string | undefined) | undefined;

  constructor(settings: HttpLabelSettings) {
    this.#settings = settings;
    this.#match = settings.pathMatching.length > 0 ? pathMatcher(settings.pathMatching) : undefined;
  }

  /** Of a request to our API; `route` is absent for what goes to service invocation. */
  server(verb: string, path: string, params: readonly string[], route: Route | undefined): RequestLabels {
    const { increasedCardinality } = this.#settings;
    if (this.#match === undefined) {
      return increasedCardinality
        ? { method: this.#verb(verb), path: withoutKeys(path, params, route) }
        : { method: this.#verb(operationOf(params, route)), path: undefined };
    }
    const inner = invokePath.exec(path)?.[1];
    const found = this.#match(path) ?? (inner === undefined ? undefined : this.#match(inner));
    return { method: this.#verb(verb), path: found ?? (increasedCardinality ? path : unmatched) };
  }

  /** Of a request to the app. */
  client(verb: string, path: string): RequestLabels {
    const { increasedCardinality } = this.#settings;
    if (this.#match === undefined)
      return increasedCardinality ? { method: this.#verb(verb), path } : { method: '', path: undefined };
    return { method: this.#verb(verb), path: this.#match(path) ?? (increasedCardinality ? path : unmatched) };
  }

  #verb(verb: string): string {
    return this.#settings.excludeVerbs ? '' : verb;
  }
}

/** As Dapr: the store of a state or secret is counted, its keys are not. */
function withoutKeys(path: string, params: readonly string[], route: Route | undefined): string {
  const name = route?.api.name;
  if (name !== 'state' && name !== 'secrets') return path;
  const [, version = '', block = ''] = path.split('/', 3);
  return `/${version}/${block}/${params[0] ?? ''}`;
}

function operationOf(params: readonly string[], route: Route | undefined): string {
  const operation = route?.operation ?? 'InvokeService';
  return operation === 'InvokeService' && params[0] !== undefined ? `InvokeService/${params[0]}` : operation;
}
