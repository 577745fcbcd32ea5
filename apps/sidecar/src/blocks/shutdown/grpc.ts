import { DaprDefinition, type ShutdownRequest } from '@outrigger/protocol/runtime';

import { type CallContext, type ServiceMethod, unary } from '@outrigger/grpc';
import type { ShutdownControl } from './control.ts';

/** `Shutdown`: an orderly stop, or with the metadata `dapr-force-shutdown: true` none. */
export function shutdownMethods(control: ShutdownControl): ServiceMethod[] {
  const shutdown = (_: ShutdownRequest, context: CallContext) => {
    if (context.metadata('dapr-force-shutdown')?.toLowerCase() === 'true') control.exitNow();
    else control.shutdown();
    return {};
  };
  return [unary(DaprDefinition.methods.shutdown, shutdown, { name: 'shutdown', version: 'v1' })];
}
