import { ApiError } from '../errors.ts';
import type { Components } from './components.ts';

/**
 * Why a component cannot be used that is tried again in the background: 503 `ERR_COMPONENT_NOT_READY`. `undefined` for every other
 * name. Dapr has no such state: its sidecar does not start.
 */
export function notStarted(components: Pick<Components, 'failed'>, name: string): ApiError | undefined {
  const failed = components.failed(name);
  if (!failed?.isTriedAgain) return undefined;
  return new ApiError(`component "${name}" ${failed.reason}; it is tried again in the background`, {
    errorCode: 'ERR_COMPONENT_NOT_READY',
    httpStatus: 503,
    grpcStatus: 'UNAVAILABLE',
  });
}
