// An app that answers every request with its own number, after a moment in which it may be killed.
import { createServer } from 'node:http';

const name = process.env['INSTANCE'] ?? '';
createServer((request, answer) => {
  request.resume();
  request.on('end', () => setTimeout(() => answer.end(name), 5));
}).listen(Number(process.env['PORT']), '127.0.0.1', () => console.log('listening'));
