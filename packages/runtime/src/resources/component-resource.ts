import { type NamedValue, type Resource } from './resource.ts';

/** `kind: Component`, validated; its values are not resolved yet. */
export interface ComponentResource extends Resource {
  readonly type: string;
  /** `v1` where the YAML has none, or `v0`. */
  readonly version: string;
  readonly metadata: readonly NamedValue[];
  /** Milliseconds; default 5000. */
  readonly initTimeout: number;
  /** A failure to start is logged and the rest goes on without this component. */
  readonly ignoreErrors: boolean;
  /** Name of the secret store for its `secretKeyRef`s; empty when none is given. */
  readonly secretStore: string;
}
