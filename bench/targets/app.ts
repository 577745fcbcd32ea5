// The app behind the sidecar for the invocation benchmark: answers the same bytes as the bare server.
import { createServer } from 'node:http';

const value = Buffer.from(process.env['BENCH_VALUE'] ?? '');
createServer((request, response) => {
  request.resume();
  if (request.url === '/value')
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': value.length }).end(value);
  else response.writeHead(404).end();
}).listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('listening'));
