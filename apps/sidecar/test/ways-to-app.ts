import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
  type RequestListener,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';

import { onTestFinished } from 'vitest';

import { Directory, startHalf } from './sidecar-half.ts';

/** What may be between a caller and the app behind it. */
export const hops = ['the own app', 'another app', 'a literal URL', 'an HTTPEndpoint'] as const;
export type Hop = (typeof hops)[number];

/** The sidecar `checkout`; behind the path is the app that `handler` is. */
export async function way(hop: Hop, handler: RequestListener) {
  const directory = new Directory();
  if (hop === 'the own app' || hop === 'another app') {
    const caller = await startHalf({ appId: 'checkout', directory, handler });
    if (hop === 'another app') await startHalf({ appId: 'inventory', directory, handler });
    return { port: caller.port, path: `/v1.0/invoke/${hop === 'the own app' ? 'checkout' : 'inventory'}/method` };
  }
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const httpEndpoints = [{ name: 'shop', baseUrl, headers: [] }];
  const { port } = await startHalf({ appId: 'checkout', directory, httpEndpoints });
  return { port, path: `/v1.0/invoke/${hop === 'a literal URL' ? encodeURIComponent(baseUrl) : 'shop'}/method` };
}

type Way = Awaited<ReturnType<typeof way>>;

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export async function call(
  { port, path: prefix }: Way,
  { method = 'GET', path = '/x', headers = {}, body }: Call = {},
) {
  const outgoing = httpRequest({ host: '127.0.0.1', port, path: prefix + path, method, headers, agent: false });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { answer, body: await buffer(answer) };
}

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly raw: readonly string[];
  readonly body: string;
}

/** Keeps what it was asked, and answers 200. */
export function recorder() {
  const asked: Asked[] = [];
  const handler: RequestListener = (request, response) => {
    void text(request).then((body) => {
      asked.push({ method: request.method, url: request.url, raw: request.rawHeaders, body });
      response.end();
    });
  };
  const valuesOf = (name: string): string[] => {
    const raw = asked.at(-1)?.raw ?? [];
    return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name);
  };
  return { asked, handler, valuesOf };
}
