import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeeperMessage } from './keeper-message.ts';

/**
 * Ends what `outrigger run` has started when that process is gone without having ended it, as after `kill -9`. Runs in a process of
 * its own, reads lines of JSON from standard input, of which the end is the last word, and resolves once all has ended.
 */
export async function keep(): Promise<void> {
  const groups = new Set<number>();
  const files = new Set<string>();
  // a terminal that goes away takes the command with it; this process is there for just that case
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

  for await (const line of createInterface({ input: process.stdin })) {
    const { group, file, gone = false } = JSON.parse(line) as KeeperMessage;
    if (group !== undefined) groups[gone ? 'delete' : 'add'](group);
    if (file !== undefined) files[gone ? 'delete' : 'add'](file);
  }

  signalAll(groups, 'SIGTERM');
  // what a sidecar has for what is in flight, and a little more
  for (let waited = 0; groups.size > 0 && waited < 8000; waited += 50) {
    await delay(50);
    signalAll(groups, 0);
  }
  signalAll(groups, 'SIGKILL');
  for (const file of files) rmSync(file, { force: true });
}

function signalAll(groups: Set<number>, signal: NodeJS.Signals | 0): void {
  for (const group of groups) {
    try {
      process.kill(-group, signal);
    } catch {
      // all of it has ended
      groups.delete(group);
    }
  }
}
