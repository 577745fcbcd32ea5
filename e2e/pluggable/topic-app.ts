import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An app that subscribes to one topic and answers each event as it is told. */
export class TopicApp implements AsyncDisposable {
  readonly #server = createServer();
  /** The data of each delivery, in their order. */
  readonly delivered: unknown[] = [];
  /** Status of the answer to the next deliveries; the one after the last is 200. */
  readonly answers: number[] = [];
  /** Held back while it is set. */
  held: Promise<void> | undefined;

  static async start(pubsubname: string, topic: string): Promise<TopicApp> {
    const app = new TopicApp();
    app.#server.on('request', (request, response) => {
      if (request.url === '/dapr/subscribe') {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify([{ pubsubname, topic, route: '/events' }]));
        return;
      }
      if (request.url !== '/events') {
        response.writeHead(404).end();
        return;
      }
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        app.delivered.push((JSON.parse(body) as { data: unknown }).data);
        void Promise.resolve(app.held).then(() => response.writeHead(app.answers.shift() ?? 200).end());
      });
    });
    await new Promise<void>((resolve) => app.#server.listen(0, '127.0.0.1', resolve));
    return app;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
