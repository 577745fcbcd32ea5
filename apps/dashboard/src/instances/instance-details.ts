import type { Breaker } from './breakers.ts';

/** `ready`: it takes calls and its app is connected; `starting`: it does not yet, or no more; `gone`: it does not answer. */
export type Health = 'ready' | 'starting' | 'gone';

export interface InstanceSummary {
  /** In the dashboard's addresses. */
  readonly id: string;
  readonly appId: string;
  readonly health: Health;
  readonly httpPort: number;
  readonly grpcPort?: number | undefined;
  readonly metricsPort?: number | undefined;
  readonly appPort?: number | undefined;
  readonly sidecarPid?: number | undefined;
  readonly appPid?: number | undefined;
  readonly command?: string | undefined;
  readonly startedAt?: string | undefined;
  /** Their names. */
  readonly logs: readonly string[];
}

export interface InstanceDetails extends InstanceSummary, ShownResources {
  /** As `GET /v1.0/metadata` has it; absent when the sidecar does not answer. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Absent: the metrics cannot be read. */
  readonly breakers?: readonly Breaker[];
}

export interface ShownResource {
  readonly kind: string;
  readonly name: string;
  readonly file: string;
  /** What may be a secret is hidden. */
  readonly spec: unknown;
}

export interface ShownResources {
  readonly resources: readonly ShownResource[];
  /** Files that cannot be read, and why. */
  readonly problems: readonly string[];
}
