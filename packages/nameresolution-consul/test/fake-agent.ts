import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

interface Registration {
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly Meta: Readonly<Record<string, string>>;
}

/** The routes of a Consul agent that the resolver uses, as its documentation has them; every instance counts as healthy. */
export class FakeAgent implements AsyncDisposable {
  readonly services = new Map<string, Registration>();
  /** Method and path of each request. */
  readonly requests: string[] = [];
  /** Requests without it are refused with 403. */
  token: string | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, answer) => {
      const { method = '', url = '' } = request;
      this.requests.push(`${method} ${url}`);
      if (this.token !== undefined && request.headers['x-consul-token'] !== this.token) {
        answer.writeHead(403).end('Permission denied: token with AccessorID lacks permission');
        return;
      }
      const { pathname } = new URL(url, 'http://agent');
      const [, what = '', id = ''] = /^\/v1\/(health\/service|agent\/service\/deregister)\/(.+)$/.exec(pathname) ?? [];
      if (method === 'PUT' && pathname === '/v1/agent/service/register') {
        void json(request).then((body) => {
          const registration = body as Registration;
          this.services.set(registration.ID, registration);
          answer.end();
        });
      } else if (method === 'PUT' && what === 'agent/service/deregister') {
        this.services.delete(decodeURIComponent(id));
        answer.end();
      } else if (method === 'GET' && pathname === '/v1/agent/services') {
        answer.end(JSON.stringify(Object.fromEntries(this.services)));
      } else if (method === 'GET' && what === 'health/service') {
        const found = [...this.services.values()].filter(({ Name }) => Name === decodeURIComponent(id));
        const entries = found.map((Service) => ({ Node: { Node: 'n1', Address: '10.0.0.9' }, Service, Checks: [] }));
        answer.setHeader('content-type', 'application/json').end(JSON.stringify(entries));
      } else {
        answer.writeHead(404).end();
      }
    });
  }

  static async start(): Promise<FakeAgent> {
    const agent = new FakeAgent();
    await new Promise<void>((resolve) => agent.#server.listen(0, '127.0.0.1', resolve));
    return agent;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
