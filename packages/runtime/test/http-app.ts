import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers with a status and a body (JSON unless it is a text). `undefined`: 404. */
export type Answer = { readonly status?: number; readonly body?: unknown } | undefined;

/** A small app over HTTP that keeps what it was sent. */
export class HttpApp implements AsyncDisposable {
  readonly port: number;
  readonly requests: ReceivedRequest[] = [];
  readonly #close: () => Promise<void>;

  private constructor(port: number, requests: ReceivedRequest[], close: () => Promise<void>) {
    this.port = port;
    this.requests = requests;
    this.#close = close;
  }

  static async start(answer: (request: ReceivedRequest) => Answer | Promise<Answer>): Promise<HttpApp> {
    const requests: ReceivedRequest[] = [];
    return HttpApp.serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = '', url = '', headers } = request;
      const received = { method, url, headers, body: Buffer.concat(chunks).toString() };
      requests.push(received);
      const { status = 200, body = '' } = (await answer(received)) ?? { status: 404 };
      response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
    }, requests);
  }

  /** As {@link start}, with the raw request and response in hand. */
  static async serve(
    handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
    requests: ReceivedRequest[] = [],
  ): Promise<HttpApp> {
    const server = createServer((request, response) => {
      handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HttpApp((server.address() as AddressInfo).port, requests, async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
  }

  /** What was posted to a path. */
  posted(path: string): ReceivedRequest[] {
    return this.requests.filter(({ method, url }) => method === 'POST' && url === path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}
