// The yardstick for calls between sidecars: the least that node:http can do to pass a request on.
import { Agent, createServer, request as send } from 'node:http';

const agent = new Agent({ keepAlive: true });
const target = { host: '127.0.0.1', port: Number(process.env['TARGET_PORT']), agent };
createServer((incoming, response) => {
  const { method, url: path, headers } = incoming;
  const outgoing = send({ ...target, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
}).listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('listening'));
