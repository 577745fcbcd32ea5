import { grpcStatus } from '@outrigger/runtime';

/** Of a status by its number, as Go writes it: `InvalidArgument`. */
const statusNames = new Map(
  Object.entries(grpcStatus).map(([name, code]) => [
    code as number,
    name === 'OK' ? name : name === 'CANCELLED' ? 'Canceled' : camelCase(name),
  ]),
);

function camelCase(name: string): string {
  return name
    .split('_')
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join('');
}

/** The name that the labels of gRPC metrics give to a status. */
export function statusLabel(code: number): string {
  return statusNames.get(code) ?? `Code(${code})`;
}
