// Knows what is in stock, and takes it out of stock when an order is published. Names no broker and no store: it only
// serves HTTP, and its sidecar calls it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const stock = new Map([
  ['canoe', 3],
  ['paddle', 12],
]);

async function readJson<T>(request: IncomingMessage): Promise<T> {
  return JSON.parse(Buffer.concat(await request.toArray()).toString()) as T;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://app');
  if (request.method === 'GET' && pathname === '/dapr/subscribe') {
    answer(response, 200, [{ pubsubname: 'pubsub', topic: 'orders', route: '/orders' }]);
  } else if (request.method === 'POST' && pathname === '/orders') {
    const { data: order } = await readJson<{ data: { id: string; item: string; quantity: number } }>(request);
    stock.set(order.item, (stock.get(order.item) ?? 0) - order.quantity);
    console.log(
      `order ${order.id} arrived: ${order.quantity} × ${order.item} leave the shelf, ${stock.get(order.item)} stay`,
    );
    answer(response, 200, { status: 'SUCCESS' });
  } else if (request.method === 'GET' && pathname.startsWith('/stock/')) {
    const item = decodeURIComponent(pathname.slice('/stock/'.length));
    const quantity = stock.get(item);
    console.log(`asked for ${item}: ${quantity ?? 'unknown'}`);
    answer(response, quantity === undefined ? 404 : 200, { item, quantity: quantity ?? 0 });
  } else {
    answer(response, 404, { error: `no ${request.method} ${pathname} here` });
  }
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => answer(response, 500, { error: String(error) }));
});
server.listen(Number(process.env['APP_PORT']), '127.0.0.1');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close(() => process.exit(0)));
