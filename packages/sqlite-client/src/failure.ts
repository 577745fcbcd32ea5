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

interface Meaning {
  readonly code: ErrorCode;
  readonly hint?: string;
}

const meanings: ReadonlyMap<number, Meaning> = new Map([
  [8, { code: 'unavailable', hint: 'may its file and folder be written, and does connectionString not say mode=ro?' }],
  [10, { code: 'unavailable', hint: 'is its disk in order?' }],
  [
    11,
    { code: 'internal', hint: 'the file is damaged: restore a copy of it, or save what can be read with ".recover"' },
  ],
  [
    full,
    { code: 'unavailable', hint: 'free space on its disk, or raise max_page_count where connectionString sets it' },
  ],
  [14, { code: 'unavailable', hint: 'may its file and folder be read and written?' }],
  [15, { code: 'unavailable' }],
  [18, { code: 'invalid-argument', hint: 'the value is larger than SQLite takes, which is a billion bytes' }],
  [26, { code: 'invalid-argument', hint: 'does connectionString name another kind of file?' }],
]);

/** What a failed statement means to the caller of the API. */
export function statementFailure(error: unknown, database: string): ComponentError {
  if (ComponentError.is(error)) return error;
  const result = error instanceof Error ? resultCode(error) : undefined;
  if (result === undefined) return ComponentError.from(error);
  const { code, hint }: Meaning = meanings.get(result) ?? { code: 'internal' };
  const message = `SQLite database ${database}: ${errorMessage(error)}${hint === undefined ? '' : `: ${hint}`}`;
  return new ComponentError(code, message, { cause: error });
}
