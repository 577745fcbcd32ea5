import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { threadId } from 'node:worker_threads';

/** Below what systems hand out for outgoing connections, of which one could take a port before it is listened on. */
const lowest = 10_000;
const [slots, slotSize] = [100, 100];
/** Of this process, so that tests beside it do not take a port between its being found free and its being listened on. */
const slot = ((process.pid + threadId) % slots) * slotSize;
let turn = 0;

/**
 * Ports on 127.0.0.1 that nobody listens on now. Asked for together, so that they differ.
 *
 * @param from begin of another range of 10 000, apart from the one out of which `outrigger run` takes free ports
 */
export async function freePorts(wanted: number, from = lowest): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: wanted }, async () => holdAny(from)));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function holdAny(from: number): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const server = createServer();
    try {
      server.listen(from + slot + (turn++ % slotSize), '127.0.0.1');
      await once(server, 'listening');
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === 100) throw error;
    }
  }
}
