import { expect, test } from 'vitest';

import {
  addIdentity,
  ForwardedHeaders,
  type MutableHeaders,
  peerRequestHeaders,
  requestHeaders,
  responseHeaders,
} from './invocation-headers.ts';

const hopByHop = {
  'http2-settings': 'AAMAAABkAAQAAP__',
  'keep-alive': 'timeout=5',
  'proxy-authenticate': 'Basic realm=test',
  'proxy-authorization': 'Basic dGVzdDp0ZXN0',
  'proxy-connection': 'keep-alive',
  'transfer-encoding': 'chunked',
  te: 'trailers',
  trailer: 'x-checksum',
  upgrade: 'h2c',
};
const bytes = Buffer.from('body');

test('what concerns one connection is passed on in neither direction', () => {
  const headers = { ...hopByHop, connection: 'Upgrade, X-Private', 'x-private': '1', accept: 'text/plain' };
  expect(requestHeaders(headers, undefined)).toEqual({ accept: 'text/plain' });
  expect(peerRequestHeaders(headers, undefined)).toEqual({ accept: 'text/plain' });
  expect(responseHeaders(headers, undefined)).toEqual({ accept: 'text/plain' });
});

test('what is for the sidecar ends at the sidecar', () => {
  const headers = {
    'dapr-api-token': 's',
    'dapr-app-id': 'b',
    host: 'x',
    expect: '100-continue',
    authorization: 'Bearer t',
  };
  expect(requestHeaders(headers, undefined)).toEqual({ authorization: 'Bearer t' });
});

test('who calls whom is not for a client to say, but for a peer', () => {
  const claimed = { 'dapr-caller-app-id': 'admin', 'dapr-caller-namespace': 'kube-system', 'dapr-callee-app-id': 'b' };
  expect(requestHeaders(claimed, undefined)).toEqual({});
  expect(peerRequestHeaders({ ...claimed, 'dapr-api-token': 's' }, undefined)).toEqual(claimed);
});

test('a length stays only where the body still has to show it', () => {
  const headers = { 'content-length': '4' };
  const stream = (async function* () {
    yield bytes;
  })();
  expect(requestHeaders(headers, bytes)).toEqual({});
  expect(requestHeaders(headers, undefined)).toEqual({});
  expect(requestHeaders(headers, stream)).toEqual(headers);
  expect(responseHeaders(headers, bytes)).toEqual({});
  expect(responseHeaders(headers, undefined)).toEqual(headers);
});

test('a sidecar adds itself behind the proxies before it', () => {
  const headers: MutableHeaders = { 'x-forwarded-for': '10.0.0.1', forwarded: ['for=a', 'for=b'] };
  new ForwardedHeaders('fd00::1', 'node-1').addTo(headers);
  addIdentity(headers, { appId: 'checkout', namespace: 'default' }, 'inventory');
  expect(headers).toEqual({
    'x-forwarded-for': ['10.0.0.1', 'fd00::1'],
    'x-forwarded-host': 'node-1',
    forwarded: ['for=a', 'for=b', 'for="[fd00::1]";by="[fd00::1]";host=node-1'],
    'dapr-caller-app-id': 'checkout',
    'dapr-caller-namespace': 'default',
    'dapr-callee-app-id': 'inventory',
  });
});
