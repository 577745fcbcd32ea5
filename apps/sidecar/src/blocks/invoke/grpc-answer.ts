import { Status } from '@outrigger/protocol/rpc';
import { type AppResponse, type Body, type GrpcAppStatus, grpcStatus, type HeaderMap } from '@outrigger/runtime';

import { detailJson } from '../../grpc/detail-json.ts';
import { httpStatusOf } from './http-status.ts';

/**
 * What an app that speaks gRPC answered, ready also for a HTTP caller: where it is an error, the body says so in JSON as Dapr
 * has it.
 */
export function grpcAnswer(grpc: GrpcAppStatus, headers: HeaderMap, body: Body): AppResponse {
  const status = httpStatusOf[grpc.status];
  if (grpc.status === 'OK') return { status, grpc, headers, body };
  return { status, grpc, headers: { ...headers, 'content-type': 'application/json' }, body: errorBody(grpc) };
}

/** `dapr.proto.internals.v1.Status` in protobuf's JSON form: members without a value are left out. */
function errorBody({ details, message, status }: GrpcAppStatus): Uint8Array {
  const list = details === undefined ? [] : Status.decode(details).details.map(detailJson);
  return Buffer.from(
    JSON.stringify({
      code: grpcStatus[status],
      ...(message !== '' && { message }),
      ...(list.length > 0 && { details: list }),
    }),
  );
}
