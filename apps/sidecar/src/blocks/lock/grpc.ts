import { DaprDefinition, type TryLockRequest, type UnlockRequest } from '@outrigger/protocol/runtime';
import type { Runtime } from '@outrigger/runtime';

import { type CallContext, type ServiceMethod, unary } from '@outrigger/grpc';
import { unlockStatus } from './unlock-status.ts';

const { tryLockAlpha1, unlockAlpha1 } = DaprDefinition.methods;

/** The methods of the distributed lock building block. */
export function lockMethods(runtime: Pick<Runtime, 'lock'>): ServiceMethod[] {
  const tryLock = async (request: TryLockRequest, { signal }: CallContext) => {
    const { expiryInSeconds } = request;
    const success = await runtime.lock(request.storeName).tryLock({ ...lockOf(request), expiryInSeconds }, signal);
    return { success };
  };

  const unlock = async (request: UnlockRequest, { signal }: CallContext) => {
    const outcome = await runtime.lock(request.storeName).unlock(lockOf(request), signal);
    return { status: unlockStatus[outcome] };
  };

  return [
    unary(tryLockAlpha1, tryLock, { name: 'lock', version: 'v1alpha1' }),
    unary(unlockAlpha1, unlock, { name: 'unlock', version: 'v1alpha1' }),
  ];
}

function lockOf({ resourceId, lockOwner }: UnlockRequest) {
  return { resourceId, owner: lockOwner };
}
