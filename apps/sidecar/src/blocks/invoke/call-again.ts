import { ComponentError } from '@outrigger/core';

/**
 * Connects and calls; a call that fails with ComponentError `unavailable`, that is, with which the server has not begun, is made once
 * more, as gRPC's clients do: mostly it met a connection that the server was about to end. Where no connection is to be had
 * there is no second attempt.
 */
export async function callAgainIfUntouched<C, T>(
  connect: () => Promise<C>,
  call: (connected: C) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const connected = await connect();
  try {
    return await call(connected);
  } catch (error) {
    if (signal.aborted || !ComponentError.is(error) || error.code !== 'unavailable') throw error;
  }
  return call(await connect());
}
