import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';

import { Directory, startHalf } from './sidecar-half.ts';

/** Tells what it was asked, as JSON. */
export const echo: RequestListener = (request, response) => {
  const answer = (body: string) => {
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-app', ['one', 'two']);
    response.statusCode = Number(request.headers['x-status'] ?? 200);
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
  };
  text(request).then(answer, () => response.destroy());
};

export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Two sidecars that find each other: `checkout`, whose app is an echo, and `inventory`. */
export async function pair(handler: RequestListener = echo) {
  const directory = new Directory();
  const callee = await startHalf({ appId: 'inventory', directory, handler });
  const caller = await startHalf({ appId: 'checkout', directory, handler: echo });
  return { caller, callee, directory };
}

/** What the echo was asked. */
export async function echoed(response: Response): Promise<Echo> {
  return (await response.json()) as Echo;
}
