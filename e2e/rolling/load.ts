import { Agent, request } from 'node:http';

import type { Sidecar } from '../processes/sidecar.ts';

/** A call that was not answered by an instance. */
export interface Failure {
  readonly verb: string;
  /** Status and body, or why there was none. */
  readonly reason: string;
}

/** Calls `orders` so often per second, whether or not earlier calls are answered: GET and POST in turns. */
export class Load {
  readonly failures: Failure[] = [];
  /** How many calls each instance has answered. */
  readonly answered = new Map<string, number>();
  calls = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #port: number;
  readonly #open = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor({ httpPort }: Sidecar, perSecond: number) {
    this.#port = httpPort;
    const begin = performance.now();
    this.#timer = setInterval(() => {
      // what a slow turn has left out is made up for, but not all of a long standstill at once
      const due = Math.min((((performance.now() - begin) / 1000) * perSecond) | 0, this.calls + perSecond / 10);
      while (this.calls < due) this.#begin(this.calls++ % 2 === 0 ? 'GET' : 'POST');
    }, 5);
  }

  /** Makes no more calls, and resolves when all are answered. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
  }

  #begin(verb: string): void {
    const call = this.#call(verb).catch((error: unknown) => void this.failures.push({ verb, reason: String(error) }));
    this.#open.add(call);
    void call.finally(() => this.#open.delete(call));
  }

  async #call(verb: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly [number, string]>();
    const path = '/v1.0/invoke/orders/method/x';
    const outgoing = request(
      { host: '127.0.0.1', port: this.#port, path, method: verb, agent: this.#agent },
      (answer) => {
        answer.toArray().then((pieces) => resolve([answer.statusCode ?? 0, Buffer.concat(pieces).toString()]), reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(verb === 'POST' ? '{"canoes":1}' : undefined);
    const [status, text] = await promise;
    if (status === 200) this.answered.set(text, (this.answered.get(text) ?? 0) + 1);
    else this.failures.push({ verb, reason: `${status}: ${text}` });
  }
}
