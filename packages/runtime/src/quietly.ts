import type { Logger } from '@outrigger/core';

/** Of several parts that end, one that fails to is logged and does not keep the others from ending. */
export async function quietly(logger: Logger, what: string, end: () => PromiseLike<void> | undefined): Promise<void> {
  try {
    await end();
  } catch (error) {
    logger.warn(`${what} failed`, { error });
  }
}
