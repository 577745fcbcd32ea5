import { type GrpcStatusName, grpcStatus } from '@outrigger/runtime';

const names = new Map<number, GrpcStatusName>(
  (Object.entries(grpcStatus) as [GrpcStatusName, number][]).map(([name, code]) => [code, name]),
);

/** The name of a status code; `UNKNOWN` for one that gRPC does not have. */
export function statusName(code: number): GrpcStatusName {
  return names.get(code) ?? 'UNKNOWN';
}
