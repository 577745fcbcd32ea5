import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Below what systems hand out for outgoing connections, of which one could take a port before it is listened on. */
const [lowest, count] = [10_000, 10_000];

/** Ports of 127.0.0.1 that nobody listens on, all different, and none that is `taken` by somebody who will. */
export async function freePorts(wanted: number, taken: ReadonlySet<number>): Promise<number[]> {
  // held until all are known, so that none comes twice
  const servers = await Promise.all(Array.from({ length: wanted }, async () => holdAny(taken)));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return ports;
}

async function holdAny(taken: ReadonlySet<number>): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    let port: number;
    do port = lowest + Math.floor(Math.random() * count);
    while (taken.has(port));
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === 100) throw error;
    }
  }
}
