import { silentLogger } from '@outrigger/core';
import { DaprDefinition } from '@outrigger/protocol/runtime';

import { bindingMethods } from '../blocks/bindings/grpc.ts';
import { configurationMethods } from '../blocks/configuration/grpc.ts';
import { invokeMethods } from '../blocks/invoke/grpc.ts';
import { lockMethods } from '../blocks/lock/grpc.ts';
import { metadataMethods } from '../blocks/metadata/grpc.ts';
import { pubsubMethods } from '../blocks/pubsub/grpc.ts';
import { secretMethods } from '../blocks/secrets/grpc.ts';
import { shutdownMethods } from '../blocks/shutdown/grpc.ts';
import { stateMethods } from '../blocks/state/grpc.ts';
import { reflectionServices } from '@outrigger/grpc/reflection';
import type { Service, ServiceMethod } from '@outrigger/grpc';
import { unimplementedMethods } from '../grpc/unimplemented.ts';
import type { Api } from './api.ts';

/** The services of the public gRPC API. */
export function grpcApi({ runtime, metadata, control, maxBodySize, logger = silentLogger }: Api): readonly Service[] {
  const blocks: readonly ServiceMethod[] = [
    ...bindingMethods(runtime.bindings),
    ...stateMethods(runtime),
    ...pubsubMethods(runtime, logger),
    ...secretMethods(runtime),
    ...configurationMethods(runtime),
    ...invokeMethods(runtime.invocation, maxBodySize),
    ...lockMethods(runtime),
    ...metadataMethods(metadata),
    ...shutdownMethods(control),
  ];
  const methods = [...blocks, ...unimplementedMethods(DaprDefinition, blocks)];
  const dapr = { name: DaprDefinition.fullName, methods };
  return [dapr, ...reflectionServices([dapr])];
}
