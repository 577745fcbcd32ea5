import {
  type CircuitBreaker,
  type CircuitState,
  errorMessage,
  type Logger,
  type Policy,
  type RecoveryEvent,
  type RetryEvent,
} from '@outrigger/core';

import { type MetricLabels, type Metrics, noMetrics } from '../metrics.ts';

/** The resource that a policy stands in. */
export interface PolicyOwner {
  readonly name: string;
  readonly namespace: string;
}

/** Whose policies apply, as metrics and log lines name it. */
export interface TargetName {
  /** `app_orders`, `Statestore_store` */
  readonly label: string;
  readonly direction: 'outbound' | 'inbound';
}

/** The policies that apply to a target, each by its owner. */
export interface TargetOwners {
  readonly retry?: PolicyOwner | undefined;
  readonly timeout?: PolicyOwner | undefined;
  readonly circuitBreaker?: PolicyOwner | undefined;
}

/** The layers that a policy of the target has. */
interface CountedLayers {
  readonly retry: unknown;
  readonly timeout: unknown;
  readonly breaker: Pick<CircuitBreaker, 'state'> | undefined;
}

type PolicyKind = 'retry' | 'timeout' | 'circuitbreaker';

const countName = 'dapr_resiliency_count';
const activationsName = 'dapr_resiliency_activations_total';
const stateName = 'dapr_resiliency_cb_state';
const states = ['closed', 'half-open', 'open'] as const;

/** Counts and logs what the policies of one target do, under Dapr's names and in its words. Labels are made once. */
export class TargetEvents {
  /** `app_orders`, `Statestore_store` */
  readonly label: string;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #retry: MetricLabels | undefined;
  readonly #timeout: MetricLabels | undefined;
  readonly #breaker: Readonly<Record<CircuitState | 'unknown', MetricLabels>> | undefined;

  constructor(target: TargetName, owners: TargetOwners, metrics: Metrics, logger: Logger) {
    const { retry, timeout, circuitBreaker } = owners;
    this.label = target.label;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#retry = retry && labelsOf(target, 'retry', retry);
    this.#timeout = timeout && labelsOf(target, 'timeout', timeout);
    const withStatus = (status: string) => circuitBreaker && labelsOf(target, 'circuitbreaker', circuitBreaker, status);
    const [closed, halfOpen, open, unknown] = [...states, 'unknown'].map(withStatus);
    this.#breaker = closed && halfOpen && open && unknown && { closed, 'half-open': halfOpen, open, unknown };
  }

  /** The same policy, and each call is counted; the very policy when nobody counts. */
  counted<R>(policy: Policy<R>, layers: CountedLayers): Policy<R> {
    if (this.#metrics === noMetrics) return policy;
    const metrics = this.#metrics;
    const { retry, timeout, breaker } = layers;
    const plain = [timeout ? this.#timeout : undefined, retry ? this.#retry : undefined].filter(
      (labels) => labels !== undefined,
    );
    const byState = this.#breaker;
    return {
      execute: (call, signal) => {
        for (const labels of plain) metrics.count(countName, labels);
        if (breaker !== undefined && byState !== undefined) metrics.count(countName, byState[breaker.state]);
        return policy.execute(call, signal);
      },
    };
  }

  /** `operation`: as Dapr names it in its log, `component[store] output`. */
  retrying(operation: string, { attempt, delay, error }: RetryEvent): void {
    if (this.#retry !== undefined) this.#metrics.count(activationsName, this.#retry);
    this.#logger.info(`Error processing operation ${operation}. Retrying in ${goDuration(delay)}…`);
    if (error !== undefined && this.#logger.isEnabled('debug'))
      this.#logger.debug(`Error for operation ${operation} was: ${errorMessage(error)}`, { attempt });
  }

  recovered(operation: string, { attempts }: RecoveryEvent): void {
    this.#logger.info(`Recovered processing operation ${operation} after ${attempts} attempts`);
  }

  timedOut(): void {
    if (this.#timeout !== undefined) this.#metrics.count(activationsName, this.#timeout);
  }

  stateChanged(to: CircuitState): void {
    if (this.#breaker !== undefined) this.#metrics.count(activationsName, this.#breaker[to]);
  }

  /** The state that stands for all breakers of the target: 1 for that one, 0 for the others. */
  showState(state: CircuitState): void {
    if (this.#breaker === undefined) return;
    for (const one of states) this.#metrics.set(stateName, one === state ? 1 : 0, this.#breaker[one]);
    this.#metrics.set(stateName, 0, this.#breaker.unknown);
  }
}

function labelsOf(
  { label, direction }: TargetName,
  policy: PolicyKind,
  { name, namespace }: PolicyOwner,
  status = '',
): MetricLabels {
  return { flow_direction: direction, name, namespace, policy, status, target: label };
}

/** As Go prints it, roughly: `250ms`, `1.5s`. */
function goDuration(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds}ms` : `${milliseconds / 1000}s`;
}
