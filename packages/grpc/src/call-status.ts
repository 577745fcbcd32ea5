import type { IncomingHttpHeaders } from 'node:http2';

import type { GrpcStatusName, HeaderMap } from '@outrigger/runtime';

import { metadataOf, unescapeMessage } from './metadata-entries.ts';
import { statusName } from './status-name.ts';

/** How a call ended. */
export interface CallStatus {
  readonly status: GrpcStatusName;
  readonly message: string;
  /** An encoded `google.rpc.Status`. */
  readonly details?: Uint8Array;
  /** Metadata behind the last message, the status left out. */
  readonly trailers: HeaderMap;
  /** The server says that it has not begun with the call: making it again does no harm. */
  readonly isUntouched?: boolean;
  /** The call has broken off: what the server has made of it, it has not said. */
  readonly isBroken?: boolean;
}

/** The status in trailers, or in headers that are all there is; `undefined` when there is none. */
export function statusIn(headers: IncomingHttpHeaders, raw: readonly string[]): CallStatus | undefined {
  const code = headers['grpc-status'];
  if (code === undefined) return undefined;
  const details = headers['grpc-status-details-bin'];
  return {
    status: statusName(Number(code)),
    message: unescapeMessage(String(headers['grpc-message'] ?? '')),
    ...(typeof details === 'string' && { details: Buffer.from(details, 'base64') }),
    trailers: metadataOf(raw),
  };
}

/** A status for an end that brought none. */
export function endedWith(status: GrpcStatusName, message: string, more?: Partial<CallStatus>): CallStatus {
  return { status, message, trailers: {}, ...more };
}

/** What an answer without a gRPC status means, by its HTTP status: the table of gRPC's "HTTP to gRPC status code mapping". */
export function statusOfHttp(httpStatus: number): CallStatus {
  const status: GrpcStatusName | undefined = byHttpStatus[httpStatus];
  return endedWith(status ?? 'UNKNOWN', `the server answered with HTTP status ${httpStatus} and no gRPC status`);
}

/** For an answer that is successful by its HTTP status and has another type than gRPC's; `undefined` when it has that. */
export function statusOfType(contentType: string | undefined): CallStatus | undefined {
  if (contentType?.startsWith('application/grpc')) return undefined;
  const what = contentType === undefined ? 'without a content-type' : `with content-type ${contentType}`;
  return endedWith('UNKNOWN', `the server answered ${what}, not in gRPC`);
}

const byHttpStatus: Readonly<Record<number, GrpcStatusName>> = {
  400: 'INTERNAL',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'UNIMPLEMENTED',
  429: 'UNAVAILABLE',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
};

/** What it means that the server has reset the stream, by HTTP/2's error code. */
export function statusOfReset(code: number): CallStatus {
  const message = `the server reset the stream (HTTP/2 error ${code})`;
  switch (code) {
    case 0x7:
      return endedWith('UNAVAILABLE', message, { isUntouched: true });
    case 0x8:
      return endedWith('CANCELLED', message, { isBroken: true });
    case 0xb:
      return endedWith('RESOURCE_EXHAUSTED', message);
    case 0xc:
      return endedWith('PERMISSION_DENIED', message);
    default:
      return endedWith('INTERNAL', message, { isBroken: true });
  }
}
