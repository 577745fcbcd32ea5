import { ComponentError, type ErrorCode, errorMessage } from '@outrigger/core';

const busy = 5;
const locked = 6;
const full = 13;

/** SQLite's primary result code, or `undefined` for an error that does not come from it. */
function resultCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

/** Whether another connection holds a lock that is in the way, so that the same thing may work a moment later. */
export function isBusy(error: unknown): boolean {
  const code = error instanceof Error ? resultCode(error) : undefined;
  return code === busy || code === locked;
}

// read-only, I/O error, cannot open, locking protocol
const outOfReach: ReadonlySet<number> = new Set([8, 10, 14, 15]);

/** What a failed statement means to the caller of the API. */
export function statementFailure(error: unknown, database: string): ComponentError {
  if (ComponentError.is(error)) return error;
  const result = error instanceof Error ? resultCode(error) : undefined;
  if (result === undefined) return ComponentError.from(error);
  if (result === full) {
    const message = `SQLite database ${database} is full: free space on its disk, or raise max_page_count where connectionString sets it`;
    return new ComponentError('unavailable', message, { cause: error });
  }
  const code: ErrorCode = outOfReach.has(result) ? 'unavailable' : 'internal';
  return new ComponentError(code, `SQLite database ${database}: ${errorMessage(error)}`, { cause: error });
}
