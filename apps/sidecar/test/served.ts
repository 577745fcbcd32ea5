import { connect } from 'node:net';

import { silentLogger } from '@outrigger/core';
import { onTestFinished } from 'vitest';

import { createHttpServer, type HttpServer, type HttpServerOptions } from '../src/http/server.ts';

export interface Served {
  readonly server: HttpServer;
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
}

/** A server on a free loopback port, closed when the test ends. */
export async function serve(options: Partial<HttpServerOptions>): Promise<Served> {
  const server = createHttpServer({ routes: [], addresses: ['127.0.0.1'], logger: silentLogger, ...options });
  const port = await server.listen();
  onTestFinished(() => server.close(0));
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/** Sends bytes on a connection of their own and resolves to all that came back once the server has hung up. */
export function sendRaw(
  port: number,
  bytes: string | Buffer,
  more?: (send: (bytes: string) => void) => void,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes);
      more?.((next) => socket.write(next));
    });
    let received = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (received += chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
  });
}
