import type { ComponentDefinition } from '@outrigger/core';

/** The part of a resource that says which component it wants. */
export interface WantedType {
  /** `state.in-memory`, in any case. */
  readonly type: string;
  /** `v1` */
  readonly version: string;
}

/** Has components that no package holds, such as those in other processes. Asked before the installed packages. */
export interface ComponentSource {
  /**
   * The definition behind a type, or `undefined`. With `patience` it waits, until that aborts, for one that is still to come; it may
   * give up sooner where it knows that none will.
   */
  find(wanted: WantedType, patience?: AbortSignal): Promise<ComponentDefinition | undefined>;

  /** Why there is none, for the message that says that nobody has the type: `no socket of that name in /tmp either`. */
  missing(wanted: WantedType): Promise<string | undefined>;
}
