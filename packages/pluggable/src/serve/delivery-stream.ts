import { errorMessage, type Logger, type Subscription } from '@outrigger/core';
import type { CallContext } from '@outrigger/grpc';

import { pacedHeader } from '../services.ts';

export interface DeliveryStreamOptions<I, O, A> {
  /** What the other side sends: acknowledgements. */
  readonly requests: AsyncIterator<I>;
  readonly context: CallContext;
  /** Starts to hand messages over; `deliver` resolves or rejects as each is acknowledged. */
  readonly subscribe: (deliver: (message: O) => Promise<A>, signal: AbortSignal) => Promise<Subscription>;
  /** Which message an acknowledgement is for, and what it says. */
  readonly acknowledgement: (request: I) => { readonly id: string; readonly answer?: A; readonly error?: string };
  /** A message with its number. */
  readonly numbered: (message: O, id: string) => O;
  /** The subscriptions that run, for a pause of them all. */
  readonly subscriptions: Set<Subscription>;
  readonly logger: Logger;
}

interface Pending<A> {
  readonly resolve: (answer: A) => void;
  readonly reject: (reason: Error) => void;
}

/**
 * A subscription over a stream: a message waits for its acknowledgement as it would for its handler. What was not acknowledged when the
 * stream ends goes back to the broker. Messages are taken from the component only as it hands them over, and sent as the other side
 * takes them.
 */
export async function* deliveryStream<I, O, A>(options: DeliveryStreamOptions<I, O, A>): AsyncIterable<O> {
  const { requests, context, subscribe, acknowledgement, numbered, subscriptions, logger } = options;
  const pending = new Map<string, Pending<A>>();
  const queue: O[] = [];
  let last = 0;
  let isOver = false;
  let wake: (() => void) | undefined;

  const end = (): void => {
    isOver = true;
    for (const { reject } of pending.values())
      reject(new Error('the sidecar has left before it acknowledged the message'));
    pending.clear();
    queue.length = 0;
    wake?.();
  };
  const deliver = (message: O): Promise<A> =>
    new Promise((resolve, reject) => {
      if (isOver) return reject(new Error('the sidecar has left'));
      const id = String(++last);
      pending.set(id, { resolve, reject });
      queue.push(numbered(message, id));
      wake?.();
    });

  const subscription = await subscribe(deliver, context.signal);
  if (context.signal.aborted) end();
  else context.signal.addEventListener('abort', end, { once: true });
  // Ends with the requests; where this side ends the stream nobody waits for that.
  void (async () => {
    try {
      for (let next = await requests.next(); !next.done; next = await requests.next()) {
        const { id, answer, error } = acknowledgement(next.value);
        const waiting = pending.get(id);
        pending.delete(id);
        if (error === undefined) waiting?.resolve(answer as A);
        else waiting?.reject(new Error(error));
      }
    } catch (error) {
      logger.debug(`a stream of messages broke off: ${errorMessage(error)}`);
    }
    end();
  })();
  // Whoever ends the subscription ends the stream with it, once what is in flight is settled.
  const shared: Subscription = {
    pause: () => subscription.pause(),
    resume: () => subscription.resume(),
    [Symbol.asyncDispose]: async () => {
      await subscription[Symbol.asyncDispose]();
      end();
    },
  };
  subscriptions.add(shared);
  try {
    context.sendHeaders({ [pacedHeader]: 'true' });
    for (;;) {
      const message = queue.shift();
      if (message !== undefined) yield message;
      else if (isOver) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    end();
    subscriptions.delete(shared);
    await subscription[Symbol.asyncDispose]();
  }
}
