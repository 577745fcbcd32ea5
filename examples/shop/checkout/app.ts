// Takes orders: asks the inventory app, saves the order, publishes it. All three go to its own sidecar over HTTP; which
// store and which broker stand behind it is written in ../resources.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';

const dapr = `http://127.0.0.1:${process.env['DAPR_HTTP_PORT']}/v1.0`;
const json = { 'content-type': 'application/json' };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Wish {
  readonly item: string;
  readonly quantity: number;
}

async function checkOut({ item, quantity }: Wish): Promise<Answer> {
  const inStock = await fetch(`${dapr}/invoke/inventory/method/stock/${encodeURIComponent(item)}`);
  if (!inStock.ok && inStock.status !== 404) throw new Error(`inventory was not reached: ${await inStock.text()}`);
  const { quantity: available } = (await inStock.json()) as { quantity: number };
  console.log(`inventory says: ${available} × ${item}`);
  if (available < quantity) return { status: 409, body: { error: `only ${available} × ${item} left` } };

  const order = { id: randomUUID().slice(0, 8), item, quantity };
  const saved = await fetch(`${dapr}/state/statestore`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify([{ key: order.id, value: order }]),
  });
  if (!saved.ok) throw new Error(`the order was not saved: ${await saved.text()}`);
  console.log(`saved order ${order.id}`);

  const published = await fetch(`${dapr}/publish/pubsub/orders`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify(order),
  });
  if (!published.ok) throw new Error(`the order was not published: ${await published.text()}`);
  console.log(`published order ${order.id}`);
  return { status: 200, body: order };
}

async function answer(request: IncomingMessage): Promise<Answer> {
  if (request.method !== 'POST' || request.url !== '/checkout') {
    return { status: 404, body: { error: `no ${request.method} ${request.url} here` } };
  }
  return checkOut(JSON.parse(Buffer.concat(await request.toArray()).toString()) as Wish);
}

const server = createServer((request, response) => {
  answer(request)
    .catch((error: unknown): Answer => ({ status: 500, body: { error: String(error) } }))
    .then(({ status, body }) => response.writeHead(status, json).end(JSON.stringify(body)))
    .catch((error: unknown) => console.error(error));
});
server.listen(Number(process.env['APP_PORT']), '127.0.0.1');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close(() => process.exit(0)));
