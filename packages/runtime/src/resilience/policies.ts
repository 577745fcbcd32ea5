import type { Policy, Retry } from '@outrigger/core';

/** How a caller's outcomes are read, so that `matching` and the breaker can judge them. */
export interface CallOutcome<R> {
  /**
   * The status code that a result carries: a HTTP status or, below 100, the code of a gRPC status. Absent, or `undefined`: the
   * result is a success.
   */
  readonly statusOf?: (result: R) => number | undefined;
  /** The same for an error; `undefined`: none (refused, timed out), such an error is always tried again. */
  readonly statusOfError?: (error: unknown) => number | undefined;
  /** Whether an outcome, a result or an error, must not be tried again although it is a failure: its request cannot be sent twice. */
  readonly isFinal?: (outcome: unknown) => boolean;
  /** Takes each result that the caller will not see, to free what it holds. */
  readonly discard?: (result: R) => void;
}

/** The one thing about a component that its policies depend on. */
export interface ComponentTarget {
  readonly name: string;
  /** `state.…`: its first word decides which default policies apply. */
  readonly type: string;
}

/** Around calls to one actor type. Each is `undefined` where nothing applies. */
export interface ActorPolicies<R = unknown> {
  /**
   * Around a call from before it has its turn: retries and the breaker, and no time limit, as the turn may be long in coming.
   * Ids may have breakers of their own, kept while they are among the most recently used.
   */
  readonly beforeTurn: ((id: string) => Policy<R>) | undefined;
  /** Around the call in its turn: the time limit alone. */
  readonly inTurn: Policy<R> | undefined;
}

/**
 * The policies of all loaded Resiliency resources, compiled. Ask once per target, at load, and keep the answer as long as
 * {@link generation} stays the same (see `following`): `undefined` means that nothing applies and the call goes straight through.
 * Breakers are shared by all who ask for the same target.
 */
export interface Policies {
  /** Grows when the resources are reloaded: answers from before are out of date. */
  readonly generation: number;
  /** Around calls to a component. */
  outbound<R = unknown>(component: ComponentTarget, outcome?: CallOutcome<R>): Policy<R> | undefined;

  /** Around the app's handling of what a component delivers. */
  inbound<R = unknown>(component: ComponentTarget, outcome?: CallOutcome<R>): Policy<R> | undefined;

  /**
   * Around calls to an app (`app` or `app.namespace`), an HTTPEndpoint by name, or a URL. The answer gives the policy for a
   * method path: paths have breakers of their own, kept while they are among the most recently used.
   */
  app<R = unknown>(target: string, outcome?: CallOutcome<R>): ((path: string) => Policy<R>) | undefined;

  /** Whether a resource has an entry for that app: it then says all there is, and the built-in retries do not apply. */
  hasApp(target: string): boolean;

  /** Around calls to actors of a type. */
  actor<R = unknown>(type: string, outcome?: CallOutcome<R>): ActorPolicies<R>;
  /** `DaprBuiltInServiceRetries`: for calls to an app that has no entry of its own and could not be reached; within default policies. */
  readonly serviceRetry: Retry;
  /** `DaprBuiltInInitializationRetries`: for components whose first start fails because a backend is not there yet. */
  readonly initializationRetry: Retry;
  /** `DaprBuiltInActorRetries`: for calls to an actor's host that has no policy and could not be reached. */
  readonly actorRetry: Retry;
  /** `DaprBuiltInActorReminderRetries`: for reminders and timers that the actor did not take. */
  readonly actorReminderRetry: Retry;
  /** `DaprBuiltInActorNotFoundRetries`: for actors whose place is not known yet. No resource changes it. */
  readonly actorNotFoundRetry: Retry;
}
