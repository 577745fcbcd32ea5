import { expect, test } from 'vitest';

import { requestHead, requestOf, responseHead, responseOf } from './peer-message.ts';

/** As Node.js has the bytes of a header. */
const bytesOf = (text: string) => Buffer.from(text).toString('latin1');
const headers = { 'x-name': bytesOf('漢字'), 'x-many': ['plain', bytesOf('é')], 'content-type': bytesOf('text/ü') };

test('headers beyond ASCII are Unicode between sidecars, and the same bytes again behind them', () => {
  const head = requestHead({ verb: 'GET', path: '/x', query: '', headers, body: undefined });
  expect(head.metadata['x-name']).toEqual({ values: ['漢字'] });
  expect(requestOf(head, undefined).headers).toEqual(headers);
  const answer = responseHead({ status: 200, headers, body: undefined });
  expect(answer.headers['x-many']).toEqual({ values: ['plain', 'é'] });
  expect(responseOf(answer, undefined).headers).toEqual(headers);
});
