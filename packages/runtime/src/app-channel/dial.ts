import { connect } from 'node:net';

import { sleep } from '@outrigger/core';

const intervalMs = 100;
const dialTimeoutMs = 500;

/** Resolves once something accepts connections there; tries every 100 ms, for as long as it takes. */
export async function dialUntilConnectable(host: string, port: number, signal: AbortSignal): Promise<void> {
  while (!(await dial(host, port, signal))) await sleep(intervalMs, signal);
}

function dial(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: dialTimeoutMs });
    const settle = (connected: boolean): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(connected);
    };
    const onAbort = (): void => settle(false);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}
