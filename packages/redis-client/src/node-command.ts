import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, Command } from 'ioredis';
import type { RedisReply } from './connection.ts';
import { isReplyError } from './failure.ts';

const longestPause = 50;

/**
 * Sends a command to the node of a cluster that has its keys. The driver connects to a node when the first command comes for it,
 * and refuses all others until it has: those, which were not sent, are tried again for `patience` milliseconds.
 */
export async function sendToNode(
  cluster: Cluster,
  command: Command,
  patience: number,
  signal: AbortSignal | undefined,
): Promise<RedisReply> {
  const since = performance.now();
  for (let pause = 1, next = command; ; pause = Math.min(longestPause, 2 * pause)) {
    const wasRefused = handOver(cluster, next);
    try {
      return (await next.promise) as RedisReply;
    } catch (error) {
      const mayWait = cluster.status === 'ready' && performance.now() - since < patience && !signal?.aborted;
      if (!(wasRefused() && mayWait)) throw error;
    }
    await sleep(pause);
    next = new Command(command.name, command.args, { replyEncoding: null });
  }
}

/** Tells afterwards whether the driver gave the command back itself, as no node has it: when it was handed over, or redirected. */
function handOver(cluster: Cluster, command: Command): () => boolean {
  let [choosing, refused] = [true, false];
  const { reject } = command;
  command.reject = (error) => {
    refused = choosing;
    reject.call(command, error);
  };
  cluster.sendCommand(command);
  choosing = false;
  // by now the driver has put its own before it, which follows redirections
  const follow = command.reject;
  command.reject = (error) => {
    choosing ||= isReplyError(error, 'MOVED') || isReplyError(error, 'ASK');
    follow.call(command, error);
    choosing = false;
  };
  return () => refused;
}
