// An app behind a sidecar that publishes to itself: env SIDECAR_PORT, APP_PORT, PUBSUB_TOPIC. Told what to do over IPC.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { Flow, type Parcel } from './flow.ts';
import { LeanHttpClient } from './lean-http-client.ts';
import { serveOrders } from './orders.ts';

const topic = process.env['PUBSUB_TOPIC'] ?? 'bench';
const bulkTopic = `${topic}-bulk`;
const flow = new Flow(Number(process.env['WINDOW'] ?? 2000));

const subscriptions = JSON.stringify([
  { pubsubname: 'pubsub', topic, route: '/one' },
  {
    pubsubname: 'pubsub',
    topic: bulkTopic,
    route: '/bulk',
    bulkSubscribe: { enabled: true, maxMessagesCount: 100, maxAwaitDurationMs: 20 },
  },
]);

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(process.env['APP_PORT']), '127.0.0.1');
await once(server, 'listening');

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) body += String(chunk);
  if (request.url === '/one') {
    flow.handled((JSON.parse(body) as { data: Parcel }).data);
    response.end();
  } else if (request.url === '/bulk') {
    const { entries } = JSON.parse(body) as { entries: { entryId: string; event: { data: Parcel } }[] };
    for (const { event } of entries) flow.handled(event.data);
    response.end(JSON.stringify({ statuses: entries.map(({ entryId }) => ({ entryId, status: 'SUCCESS' })) }));
  } else if (request.url === '/dapr/subscribe') {
    response.setHeader('content-type', 'application/json').end(subscriptions);
  } else response.writeHead(404).end();
}

const sidecar = new LeanHttpClient(Number(process.env['SIDECAR_PORT']));

async function sendOne([parcel]: readonly Parcel[]): Promise<void> {
  await sidecar.post(`/v1.0/publish/pubsub/${topic}`, JSON.stringify(parcel));
}

async function sendMany(parcels: readonly Parcel[]): Promise<void> {
  const entries = parcels.map((event) => ({ entryId: String(event.id), contentType: 'application/json', event }));
  await sidecar.post(`/v1.0/publish/bulk/pubsub/${bulkTopic}`, JSON.stringify(entries));
}

serveOrders(flow, { sendOne, sendMany });
