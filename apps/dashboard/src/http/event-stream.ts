import type { Exchange } from './exchange.ts';

/** What may wait for a browser that does not read, in bytes; what comes beyond is left out, and said to be. */
const mostWaiting = 1024 * 1024;
const heartbeatMs = 15_000;

/** Server-sent events, until the browser goes. */
export class EventStream implements Disposable {
  readonly #exchange: Exchange;
  readonly #heartbeat: NodeJS.Timeout;
  #left = 0;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    const { response, signal } = exchange;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    this.#heartbeat = setInterval(() => response.write(':\n\n'), heartbeatMs).unref();
    signal.addEventListener('abort', () => clearInterval(this.#heartbeat), { once: true });
  }

  send(event: string, data: unknown): void {
    const { response } = this.#exchange;
    if (response.destroyed) return;
    if (response.writableLength > mostWaiting) {
      this.#left++;
      return;
    }
    if (this.#left > 0) response.write(`event: left-out\ndata: ${this.#left}\n\n`);
    this.#left = 0;
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
    this.#exchange.response.end();
  }
}
