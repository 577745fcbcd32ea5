// The yardstick: what node:http does when it only reads the request and answers the same bytes.
import { createServer } from 'node:http';

const value = Buffer.from(process.env['BENCH_VALUE'] ?? '');
const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, ['content-type', 'application/json', 'content-length', String(value.length)]).end(value);
    return;
  }
  request.on('data', () => {});
  request.on('end', () => response.writeHead(204).end());
});
server.listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('listening'));
