import type * as GrpcModule from '@grpc/grpc-js';
import { type GrpcStatusName, grpcStatus } from '@outrigger/runtime';

/** The gRPC library as a module. Its import takes about 70 ms, so nothing imports it before a call needs it. */
export type GrpcJs = typeof GrpcModule;

let loading: Promise<GrpcJs> | undefined;

/** Imports the gRPC library, once. */
export function loadGrpcJs(): Promise<GrpcJs> {
  loading ??= import('@grpc/grpc-js');
  return loading;
}

const names = new Map<number, GrpcStatusName>(
  (Object.entries(grpcStatus) as [GrpcStatusName, number][]).map(([name, code]) => [code, name]),
);

/** The name of a status code; `UNKNOWN` for one that gRPC does not have. */
export function statusName(code: number): GrpcStatusName {
  return names.get(code) ?? 'UNKNOWN';
}
