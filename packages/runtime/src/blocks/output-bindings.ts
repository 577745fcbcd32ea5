import type { BindingResponse, Bindings, Policy, RequestMetadata } from '@outrigger/core';

import type { ComponentMeter } from '../component-meter.ts';
import type { ApiError } from '../errors.ts';
import { baggageProblem } from './baggage.ts';
import { directionOf } from './binding-direction.ts';
import { InvokeBindingError, invalidBaggage, noOperation, noSuchBinding, unknownOperation } from './bindings-errors.ts';
import type { BindingTrace, InvokeBinding, OutputBindings } from './bindings.ts';
import { isTraceparent } from './traceparent.ts';

/** A binding that is up. */
export interface BindingComponent {
  readonly name: string;
  readonly instance: Bindings;
  /** `direction` and `route` are read here. */
  readonly properties: Readonly<Record<string, string>>;
}

interface Output {
  readonly operations: ReadonlySet<string>;
  readonly invoke: NonNullable<Bindings['invoke']>;
  readonly policy: () => Policy | undefined;
  readonly meter: ComponentMeter | undefined;
}

const never = new AbortController().signal;
const nothing = new Uint8Array();

/** The output half of the bindings building block: every component that can be invoked, by its name. */
export class OutputBindingsBlock implements OutputBindings {
  readonly #outputs = new Map<string, Output>();
  readonly #policy: ((component: string) => Policy | undefined) | undefined;
  readonly #meter: ((component: string) => ComponentMeter | undefined) | undefined;
  readonly #absent: ((component: string) => ApiError | undefined) | undefined;

  /**
   * `policy`: the outbound policy of a component, asked with each call; `undefined`: calls go straight through. `meter`: counts the
   * calls of a component; `undefined`: nobody does. `absent` has more to say of a component that is not there.
   */
  constructor(
    components: readonly BindingComponent[],
    policy?: (component: string) => Policy | undefined,
    meter?: (component: string) => ComponentMeter | undefined,
    absent?: (component: string) => ApiError | undefined,
  ) {
    this.#policy = policy;
    this.#meter = meter;
    this.#absent = absent;
    for (const component of components) this.set(component);
  }

  /** Adds a component, or puts it in the place of the one that has its name. */
  set({ name, instance, properties }: BindingComponent): void {
    this.#outputs.delete(name);
    if (instance.invoke === undefined || !directionOf(properties).output) return;
    this.#outputs.set(name, {
      operations: new Set(instance.operations),
      invoke: instance.invoke.bind(instance),
      policy: () => this.#policy?.(name),
      meter: this.#meter?.(name),
    });
  }

  delete(name: string): void {
    this.#outputs.delete(name);
  }

  async invoke(request: InvokeBinding, signal: AbortSignal = never): Promise<BindingResponse> {
    const { name, operation, data = nothing } = request;
    const metadata = withTrace(request.metadata, request.trace);
    if (operation === '') throw noOperation(name);
    const output = this.#outputs.get(name);
    if (output === undefined) throw this.#absent?.(name) ?? noSuchBinding(name);
    if (!output.operations.has(operation)) throw unknownOperation(name, operation, [...output.operations]);
    const { invoke, meter } = output;
    const policy = output.policy();
    const call = (attempt: AbortSignal) => invoke({ operation, data, metadata }, attempt);
    try {
      const run = () => (policy === undefined ? call(signal) : policy.execute(call, signal));
      return await (meter === undefined ? run() : meter.measure(operation, run));
    } catch (error) {
      throw new InvokeBindingError(name, error);
    }
  }
}

function withTrace(metadata: RequestMetadata = {}, trace: BindingTrace = {}): RequestMetadata {
  const { traceparent = '', tracestate, baggage } = trace;
  if (baggage) {
    const problem = baggageProblem(baggage);
    if (problem !== undefined) throw invalidBaggage(problem);
  }
  const isTraced = isTraceparent(traceparent);
  if (!isTraced && !baggage) return metadata;
  return {
    ...metadata,
    ...(isTraced && { traceparent }),
    ...(isTraced && tracestate && { tracestate }),
    ...(baggage && { baggage }),
  };
}
