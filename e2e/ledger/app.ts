// The app of the loss ledger, a process of its own: answers deliveries as the behaviour file says and records what it did,
// before it answers. Arguments: one JSON object, see AppOptions.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { type Mode, readBehaviour } from './behaviour.ts';
import type { NumberedMessage } from './message.ts';
import { RecordWriter } from './record.ts';

export interface AppOptions {
  readonly name: string;
  readonly port: number;
  readonly record: string;
  readonly behaviour: string;
  /** What `/dapr/subscribe` answers. Routes: `/single`, `/bulk`, `/dead`. */
  readonly subscriptions: readonly object[];
  /** How long handling a message takes. */
  readonly workMs: number;
}

interface Bulk {
  readonly entries: readonly { readonly entryId: string; readonly event: { readonly data: NumberedMessage } }[];
}

const options = JSON.parse(process.argv[2] ?? '') as AppOptions;
const record = new RecordWriter(options.record, options.name);
let garbage = 0;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat(await request.toArray()).toString();
  if (request.url === '/dapr/subscribe') return send(response, 200, options.subscriptions);
  if (request.url === '/dead') return dead(body, response);
  if (request.url !== '/single' && request.url !== '/bulk') return send(response, 404);
  const bulk = request.url === '/bulk' ? (JSON.parse(body) as Bulk) : undefined;
  const messages = bulk
    ? bulk.entries.map(({ event }) => event.data)
    : [(JSON.parse(body) as { data: NumberedMessage }).data];
  const { mode, stuck } = readBehaviour(options.behaviour);
  if (mode !== 'ok') {
    for (const message of messages) record.write('failed', message);
    return misbehave(mode, response);
  }
  if (options.workMs > 0) await delay(options.workMs);
  // an app that cares for order handles nothing of a batch that stands behind one of the same key that it could not handle
  const failed = new Set<number>();
  const statuses = messages.map((message) => {
    const status = handle(message, (message.stuck === true && stuck) || failed.has(message.key));
    if (status === 'RETRY') failed.add(message.key);
    return status;
  });
  if (!bulk) return statuses[0] === 'RETRY' ? send(response, 500) : send(response, 200, { status: statuses[0] });
  send(response, 200, {
    statuses: bulk.entries.map(({ entryId }, index) => ({ entryId, status: statuses[index] })),
  });
}

function handle(message: NumberedMessage, fails: boolean): 'SUCCESS' | 'RETRY' | 'DROP' {
  const status = fails ? 'RETRY' : message.drop ? 'DROP' : 'SUCCESS';
  record.write(status === 'RETRY' ? 'failed' : status === 'DROP' ? 'dropped' : 'handled', message);
  return status;
}

function dead(body: string, response: ServerResponse): void {
  record.write('dead', (JSON.parse(body) as { data: NumberedMessage }).data);
  send(response, 200, {});
}

function misbehave(mode: Exclude<Mode, 'ok'>, response: ServerResponse): void {
  // it is never answered
  if (mode === 'hang') return;
  if (mode === 'fail') return send(response, 500, { error: 'told to fail' });
  const kind = garbage++ % 3;
  if (kind === 0) return send(response, 200, { status: 'WHAT', statuses: 'WHAT' });
  if (kind === 1) {
    response.socket?.end('\u0000\u0001 neither HTTP nor anything else\r\n');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
  response.write('{"status":"SUCC', () => response.destroy());
}

function send(response: ServerResponse, status: number, body?: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(body === undefined ? '' : JSON.stringify(body));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    // a request that its sender has given up
    if (!request.complete) {
      response.destroy();
      return;
    }
    process.stderr.write(`${String(error)}\n`);
    send(response, 500);
  });
});
server.listen(options.port, '127.0.0.1', () => process.stdout.write('listening\n'));
// who started it is gone
process.stdin.on('end', () => process.exit()).resume();
