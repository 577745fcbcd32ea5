import type { Flow, FlowResult, Parcel } from './flow.ts';

/** What the benchmark asks one of its apps to do. */
export interface Order {
  readonly mode: 'one by one' | 'bulk' | 'latency';
  readonly seconds: number;
}

export type Answer = { readonly result: FlowResult } | { readonly error: string };

export interface Sending {
  readonly sendOne: (parcels: readonly Parcel[]) => Promise<void>;
  readonly sendMany: (parcels: readonly Parcel[]) => Promise<void>;
}

const inFlight = 64;
const batch = 100;
/** Messages per second for latencies: far below what most brokers do, so that nothing queues up. */
export const steadyRate = 200;

/** Takes orders from the parent process, one at a time, until it lets go; says `ready` first. */
export function serveOrders(flow: Flow, { sendOne, sendMany }: Sending): void {
  process.on('message', (order: Order) => {
    carryOut(order).then(
      (result) => process.send?.({ result } satisfies Answer),
      (error: unknown) =>
        process.send?.({
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        } satisfies Answer),
    );
  });
  process.on('disconnect', () => process.exit());
  process.send?.('ready');

  function carryOut({ mode, seconds }: Order): Promise<FlowResult> {
    if (mode === 'latency') return flow.steady({ seconds, send: sendOne }, steadyRate);
    if (mode === 'bulk') return flow.fullRate({ seconds, batch, inFlight: 4, send: sendMany });
    return flow.fullRate({ seconds, batch: 1, inFlight, send: sendOne });
  }
}
