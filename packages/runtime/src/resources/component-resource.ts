import { type Envelope, header, readNamedValues, readSpec } from './envelope.ts';
import type { NamedValue, Resource } from './resource.ts';

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

export function readComponent(envelope: Envelope): ComponentResource | undefined {
  return readSpec(envelope, (spec) => ({
    ...header(envelope),
    type: spec.requiredText('type'),
    version: componentVersion(spec.text('version')),
    metadata: readNamedValues(spec, 'metadata'),
    initTimeout: spec.duration('initTimeout', 1) ?? 5000,
    ignoreErrors: spec.flag('ignoreErrors') ?? false,
    secretStore: envelope.secretStore,
  }));
}

/** No version, `v0` and `v1` are the same: a component's first. */
export function componentVersion(version: string | undefined): string {
  const lower = (version ?? '').trim().toLowerCase();
  return lower === '' || lower === 'v0' ? 'v1' : lower;
}
