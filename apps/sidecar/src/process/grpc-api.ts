import { DaprDefinition } from '@outrigger/protocol/runtime';

import type { Service } from '../grpc/service.ts';
import type { Api } from './api.ts';

/** The services of the public gRPC API. */
export function grpcApi(_api: Api): readonly Service[] {
  return [{ name: DaprDefinition.fullName, methods: [] }];
}
