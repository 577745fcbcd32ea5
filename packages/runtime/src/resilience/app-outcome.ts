import { AppError } from '../app-channel/app-channel.ts';
import type { CallOutcome } from './policies.ts';

/** How inbound policies read what comes of handing something to the app: by the status of its {@link AppError}. */
export const appOutcome: CallOutcome<unknown> = {
  statusOfError: (error) => (error instanceof AppError ? error.statusCode : undefined),
};
