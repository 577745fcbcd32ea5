import { BadRequest, ErrorInfo, Help, ResourceInfo, Status } from '@outrigger/protocol/rpc';
import { ApiError, type ErrorDetail } from '@outrigger/runtime';
import { expect, it } from 'vitest';

import { statusDetails } from './status-details.ts';

const init = { errorCode: 'ERR_STATE_STORE_NOT_FOUND', httpStatus: 400, grpcStatus: 'INVALID_ARGUMENT' } as const;

function errorInfo(reason: string, metadata: Readonly<Record<string, string>> | null = null): ErrorDetail {
  return { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', domain: 'dapr.io', metadata, reason };
}

/** Bytes of a message whose fields are all strings or messages, by hand: number, then what is in it. */
function fields(...parts: readonly (readonly [number, string | Buffer])[]): Buffer {
  return Buffer.concat(
    parts.map(([number, content]) =>
      Buffer.concat([Buffer.of((number << 3) | 2, content.length), Buffer.from(content)]),
    ),
  );
}

it('an error with details is a google.rpc.Status on the wire', () => {
  const error = new ApiError('gone', { ...init, details: [errorInfo('DAPR_STATE_NOT_FOUND')] });
  const type = 'type.googleapis.com/google.rpc.ErrorInfo';
  const info = fields([1, 'DAPR_STATE_NOT_FOUND'], [2, 'dapr.io']);
  expect(Buffer.from(statusDetails(error) ?? [])).toEqual(
    Buffer.concat([Buffer.of(0x08, 3), fields([2, 'gone'], [3, fields([1, type], [2, info])])]),
  );
});

it('every kind of detail that the HTTP API shows has its message, in the same order', () => {
  const details: ErrorDetail[] = [
    {
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      field_violations: [{ field: 'a||b', description: 'has ||' }],
    },
    {
      '@type': 'type.googleapis.com/google.rpc.ResourceInfo',
      resource_type: 'state',
      resource_name: 'orders',
      owner: '',
      description: '',
    },
    errorInfo('DAPR_STATE_ILLEGAL_KEY', { key: 'a||b' }),
    {
      '@type': 'type.googleapis.com/google.rpc.Help',
      links: [{ description: 'the stores', url: 'https://docs.dapr.io' }],
    },
  ];
  const status = Status.decode(statusDetails(new ApiError('no', { ...init, details })) ?? new Uint8Array());
  expect(status.details.map(({ typeUrl }) => typeUrl.split('.').at(-1))).toEqual([
    'BadRequest',
    'ResourceInfo',
    'ErrorInfo',
    'Help',
  ]);
  const [first, second, third, fourth] = status.details.map(({ value }) => value);
  expect(BadRequest.decode(first ?? Buffer.of()).fieldViolations).toMatchObject([
    { field: 'a||b', description: 'has ||' },
  ]);
  expect(ResourceInfo.decode(second ?? Buffer.of())).toMatchObject({ resourceType: 'state', resourceName: 'orders' });
  expect(ErrorInfo.decode(third ?? Buffer.of())).toEqual({
    reason: 'DAPR_STATE_ILLEGAL_KEY',
    domain: 'dapr.io',
    metadata: { key: 'a||b' },
  });
  expect(Help.decode(fourth ?? Buffer.of()).links).toEqual([
    { description: 'the stores', url: 'https://docs.dapr.io' },
  ]);
});

it('where Dapr tells gRPC callers something else, they get that', () => {
  const error = new ApiError('gone', {
    ...init,
    details: [errorInfo('DAPR_STATE_NOT_FOUND', { appID: 'shop' })],
    grpcDetails: [errorInfo('DAPR_STATE_NOT_FOUND')],
  });
  const [detail] = Status.decode(statusDetails(error) ?? new Uint8Array()).details;
  expect(ErrorInfo.decode(detail?.value ?? Buffer.of()).metadata).toEqual({});
});

it('an error without details has none', () => {
  expect(statusDetails(new ApiError('no', init))).toBeUndefined();
  expect(statusDetails(new ApiError('no', { ...init, details: [] }))).toBeUndefined();
});
