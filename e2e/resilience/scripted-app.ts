import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** One step: a status to answer with, after so many milliseconds; `cut` closes the connection without an answer. */
type Step = { readonly status: number; readonly after: number } | 'cut';

/**
 * An app that fails by script. `?script=503,503,200` on a path tells what each call to that path is answered with, the last step
 * for ever; `200@80` waits 80 ms first, `cut` hangs up. It keeps the times at which its calls arrived.
 */
export class ScriptedApp implements AsyncDisposable {
  readonly #server: Server;
  readonly #arrivals = new Map<string, number[]>();
  /** What `GET /dapr/subscribe` answers. */
  subscriptions: readonly object[] = [];

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<ScriptedApp> {
    const app = new ScriptedApp();
    await new Promise<void>((resolve) => {
      app.#server.listen(0, '127.0.0.1', resolve);
    });
    return app;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** All paths begin their scripts anew. */
  forget(): void {
    this.#arrivals.clear();
  }

  /** How often the path was called. */
  calls(path: string): number {
    return this.#arrivals.get(path)?.length ?? 0;
  }

  /** Milliseconds between the calls to the path. */
  gaps(path: string): number[] {
    const times = this.#arrivals.get(path) ?? [];
    return times.slice(1).map((time, index) => time - (times[index] ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://app');
    request.resume();
    if (pathname === '/dapr/subscribe') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(this.subscriptions));
      return;
    }
    const times = this.#arrivals.get(pathname) ?? [];
    const steps = stepsOf(searchParams.get('script') ?? '200');
    const step = steps[times.length] ?? steps.at(-1);
    this.#arrivals.set(pathname, [...times, performance.now()]);
    if (step === undefined || step === 'cut') request.destroy();
    else setTimeout(() => response.writeHead(step.status).end(`call ${times.length + 1}`), step.after);
  }
}

function stepsOf(script: string): Step[] {
  return script.split(',').map((text): Step => {
    const [status = '', after = '0'] = text.split('@');
    return text === 'cut' ? 'cut' : { status: Number(status), after: Number(after) };
  });
}
