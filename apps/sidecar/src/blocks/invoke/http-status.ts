import { STATUS_CODES } from '../../http/node-http.ts';
import type { GrpcStatusName } from '@outrigger/runtime';

/** What an app that speaks gRPC answers, as a HTTP caller sees it (Dapr's table, which is grpc-gateway's). */
export const httpStatusOf: Readonly<Record<GrpcStatusName, number>> = {
  OK: 200,
  CANCELLED: 408,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** What an app that speaks HTTP answers, as a gRPC caller sees it: Dapr's table, its oddities included. */
export function grpcStatusOf(httpStatus: number): GrpcStatusName {
  if (httpStatus >= 200 && httpStatus < 300) return 'OK';
  return byHttpStatus[httpStatus] ?? 'UNKNOWN';
}

const byHttpStatus: Readonly<Partial<Record<number, GrpcStatusName>>> = {
  400: 'INTERNAL',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'CANCELLED',
  409: 'ALREADY_EXISTS',
  429: 'RESOURCE_EXHAUSTED',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** What Go calls a status, and with it Dapr; empty for one without a name. */
export function statusText(httpStatus: number): string {
  return goTexts[httpStatus] ?? STATUS_CODES[httpStatus] ?? '';
}

const goTexts: Readonly<Partial<Record<number, string>>> = {
  413: 'Request Entity Too Large',
  414: 'Request URI Too Long',
  416: 'Requested Range Not Satisfiable',
  418: "I'm a teapot",
  509: '',
};
