// The yardstick: the store's own client library behind a bare node:http server, GET and POST of the one path.
import { createServer } from 'node:http';

import type { BareStore } from './bare/bare-store.ts';

const { BENCH_STORE: name = '', BENCH_ADDRESS: address = '', PORT: port } = process.env;
const { connect } = (await import(`./bare/${name}.ts`)) as { connect: (address: string) => Promise<BareStore> };
const store = await connect(address);

const server = createServer((request, response) => {
  const failed = (error: unknown) => response.writeHead(500).end(String(error));
  if (request.method === 'GET') {
    store.get('bench').then((value) => {
      if (value === undefined) return response.writeHead(204).end();
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': value.byteLength });
      return response.end(value);
    }, failed);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [item] = JSON.parse(Buffer.concat(chunks).toString()) as [{ key: string; value: unknown }];
    store.set(item.key, Buffer.from(JSON.stringify(item.value))).then(() => response.writeHead(204).end(), failed);
  });
});
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
