import type { RequestListener, Server } from 'node:http';
import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

export interface CleartextHttp2 {
  /** Says goodbye to every client. Streams in flight go on; each connection ends with its last one. */
  close(): void;
  /** Cuts off whoever is still there. */
  destroy(): void;
}

/**
 * Lets a plain HTTP server take HTTP/2 on the same port, too: clients that know beforehand (`PRI * HTTP/2.0` comes first).
 * Costs one look at the first bytes of a connection and nothing after that; `node:http2` is loaded when the first such client
 * comes. `Upgrade: h2c` is left unanswered, as the standard allows: the client goes on in HTTP/1.1.
 */
export function serveCleartextHttp2(
  server: Server,
  handler: RequestListener,
  options: { readonly maxHeaderSize: number; readonly headersTimeout: number },
): CleartextHttp2 {
  const sessions = new Set<ServerHttp2Session>();
  let http2: Promise<Http2Server> | undefined;
  let closing = false;

  const start = async (): Promise<Http2Server> => {
    const { createServer } = await import('node:http2');
    const started = createServer({ settings: { maxHeaderListSize: options.maxHeaderSize } });
    // The compatibility layer's objects do what ours need of HTTP/1's.
    started.on('request', handler as unknown as Parameters<Http2Server['on']>[1]);
    started.on('session', (session) => {
      sessions.add(session);
      session.on('error', () => session.destroy());
      session.on('close', () => sessions.delete(session));
      if (closing) session.close();
    });
    return started;
  };

  const http1Listeners = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const giveUp = () => socket.destroy();
    socket.on('error', giveUp);
    socket.setTimeout(options.headersTimeout, giveUp);
    socket.once('readable', () => {
      socket.setTimeout(0);
      socket.off('timeout', giveUp);
      const first = socket.read() as Buffer | null;
      if (first === null) {
        socket.destroy();
        return;
      }
      socket.unshift(first);
      if (isPreface(first)) {
        void (http2 ??= start()).then((started) => started.emit('connection', socket));
      } else {
        socket.off('error', giveUp);
        for (const listener of http1Listeners) listener.call(server, socket);
      }
    });
  });

  return {
    close: () => {
      closing = true;
      for (const session of sessions) session.close();
    },
    destroy: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

function isPreface(bytes: Buffer): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x52 && bytes[2] === 0x49;
}
