// The yardstick for calls between sidecars: the least that a proxy over node:http and undici can do to pass a request on.
import { createServer } from 'node:http';

import { Pool } from 'undici';

const pool = new Pool(`http://127.0.0.1:${process.env['TARGET_PORT']}`, { pipelining: 1 });
createServer((incoming, response) => {
  const { method = 'GET', url: path = '/', headers } = incoming;
  const { connection: _, 'transfer-encoding': chunked, ...rest } = headers;
  const body = chunked !== undefined || Number(headers['content-length'] ?? 0) > 0 ? incoming : null;
  pool.stream(
    { method, path, headers: rest, body },
    ({ statusCode, headers: { connection: __, ...answered } }) => response.writeHead(statusCode, answered),
    (error) => {
      if (error) response.destroy(error);
    },
  );
}).listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('listening'));
