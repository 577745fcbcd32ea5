import type { UnlockOutcome } from '@outrigger/core';

/**
 * `UnlockResponse.Status` of the protocol, which the HTTP API shows as a number, too. Its fourth, INTERNAL_ERROR (3), is never
 * seen: a failure is answered with an error.
 */
export const unlockStatus = {
  unlocked: 0,
  missing: 1,
  'other-owner': 2,
} as const satisfies Record<UnlockOutcome, number>;
