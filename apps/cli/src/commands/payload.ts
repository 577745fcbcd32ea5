import { readFileSync } from 'node:fs';
import { UserError } from '../user-error.ts';

export interface PayloadOptions {
  readonly data?: string;
  readonly dataFile?: string;
}

/** What `--data` or `--data-file` says; `undefined` for neither. `-` as the file is standard input. */
export function payloadOf({ data, dataFile }: PayloadOptions): Buffer | undefined {
  if (data !== undefined && dataFile !== undefined) throw new UserError('give --data or --data-file, not both');
  if (data !== undefined) return Buffer.from(data);
  if (dataFile === undefined) return undefined;
  try {
    return readFileSync(dataFile === '-' ? 0 : dataFile);
  } catch (error) {
    throw new UserError(`--data-file: cannot read ${dataFile}: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
}

/** JSON where it is some, else a text. */
export function contentTypeOf(payload: Buffer): string {
  try {
    JSON.parse(payload.toString());
    return 'application/json';
  } catch {
    return 'text/plain';
  }
}
