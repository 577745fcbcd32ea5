import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const group = '224.0.0.251';

/** Whether a packet to the group comes back on this machine's loopback interface; some containers have no multicast at all. */
async function isPossible(): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    socket.bind(0, group);
    await once(socket, 'listening');
    socket.addMembership(group, '127.0.0.1');
    socket.setMulticastInterface('127.0.0.1');
    const heard = once(socket, 'message', { signal: AbortSignal.timeout(5000) });
    socket.send('ping', socket.address().port, group);
    await heard;
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

/** Tests that need multicast are skipped, which is said aloud, where there is none. */
export const hasMulticast = await isPossible();
if (!hasMulticast) console.warn('SKIPPED: multicast DNS, as this machine delivers no multicast, not even to itself');
