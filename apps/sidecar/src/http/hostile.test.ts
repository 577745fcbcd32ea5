import { connect } from 'node:net';

import { expect, test } from 'vitest';

import { sendRaw, serve } from '../../test/served.ts';
import { replyBytes } from './reply.ts';
import type { Route } from './route.ts';

const api = { name: 'x', version: 'v1' };
const show: Route = {
  methods: ['GET', 'POST'],
  pattern: '/show/{what}',
  api,
  handle: async (exchange) => {
    await exchange.body();
    replyBytes(exchange, 200, Buffer.from(exchange.params[0] ?? ''));
  },
};

const start = 'GET /show/ok HTTP/1.1\r\nhost: x\r\n';
const last = 'connection: close\r\n\r\n';

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', 400],
  ['a length that is no number', `POST /show/a HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n`, 400],
  ['a negative length', `POST /show/a HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n`, 400],
  ['two lengths', `POST /show/a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab`, 400],
  [
    'a length beside chunks',
    `POST /show/a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    'a chunk size that is no number',
    `POST /show/a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    400,
  ],
  ['no host', `GET /show/a HTTP/1.1\r\n${last}`, 400],
  ['a line break in a header', `${start}x: a\nb\r\n${last}`, 400],
  ['headers over the limit', `${start}x: ${'a'.repeat(10_000)}\r\n${last}`, 431],
  ['a request line over the limit', `GET /show/${'a'.repeat(10_000)} HTTP/1.1\r\nhost: x\r\n${last}`, 431],
  ['a broken escape', `GET /show/%zz HTTP/1.1\r\nhost: x\r\n${last}`, 400],
  ['half an escape', `GET /show/%e HTTP/1.1\r\nhost: x\r\n${last}`, 400],
  ['a null byte in the target', `GET /show/\0 HTTP/1.1\r\nhost: x\r\n${last}`, 400],
])('%s is refused, and the next client is served', async (_, bytes, status) => {
  const { port } = await serve({ routes: [show] });
  expect(await sendRaw(port, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(await sendRaw(port, `${start}${last}`)).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\nok$/);
});

test.each([
  ['an escaped null byte', '/show/%00', '\0'],
  ['escapes that are no UTF-8', '/show/%ff', '\ufffd'],
  ['double slashes and dots', '//x/..///show/./a//', 'a'],
  ['an absolute target', 'http://somewhere/show/a?b', 'a'],
  ['escaped dots and slashes', '/show/%2e%2e%2Fetc', '../etc'],
])('%s is taken as it stands', async (_, target, what) => {
  const { port } = await serve({ routes: [show] });
  const answer = await sendRaw(port, `GET ${target} HTTP/1.1\r\nhost: x\r\n${last}`);
  expect(Buffer.from(answer, 'latin1').toString()).toMatch(new RegExp(`^HTTP/1.1 200 [^]*\r\n\r\n${what}$`));
});

test('headers up to 8 KiB pass', async () => {
  const { port } = await serve({ routes: [show] });
  expect(await sendRaw(port, `${start}x: ${'a'.repeat(7_500)}\r\n${last}`)).toMatch(/^HTTP\/1.1 200 /);
});

test('a client that sends its headers drop by drop is cut off in time', async () => {
  const { port } = await serve({ routes: [show], headersTimeout: 100 });
  let drip: NodeJS.Timeout | undefined;
  const answer = await sendRaw(port, start, (send) => {
    drip = setInterval(() => send('x: y\r\n'), 10);
  });
  clearInterval(drip);
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
});

test('a client that sends nothing is cut off in time', async () => {
  const { port } = await serve({ routes: [show], headersTimeout: 50 });
  expect(await sendRaw(port, '')).toBe('');
});

test('a huge body is refused at once, and its sender cut off', async () => {
  const { port } = await serve({ routes: [show], maxBodySize: 1000 });
  const chunk = 'x'.repeat(65_536);
  const received = await new Promise<string>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const push = () => {
      while (!socket.destroyed && socket.write(`10000\r\n${chunk}\r\n`));
    };
    socket.write('POST /show/a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n', push);
    socket.on('drain', push);
    socket.on('data', (data) => (text += String(data)));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
  expect(received).toMatch(/^HTTP\/1.1 400 Bad Request\r\n[^]*"errorCode":"ERR_BODY_READ"/);
});

test('requests in one packet are answered one by one, in order', async () => {
  const { port } = await serve({ routes: [show] });
  const pipelined = ['a', 'b'].map((what) => `GET /show/${what} HTTP/1.1\r\nhost: x\r\n\r\n`).join('');
  const answer = await sendRaw(port, `${pipelined}GET /show/c HTTP/1.1\r\nhost: x\r\n${last}`);
  expect([...answer.matchAll(/\r\n\r\n([abc])/g)].map(([, what]) => what)).toEqual(['a', 'b', 'c']);
});

test('a client that leaves at any point does no harm', async () => {
  const { port } = await serve({ routes: [show] });
  const whole = 'POST /show/a HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello';
  for (let end = 0; end <= whole.length; end += 7) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(whole.slice(0, end), () => socket.resetAndDestroy());
      });
      socket.on('close', () => resolve());
    });
  }
  expect(await sendRaw(port, `${start}${last}`)).toMatch(/^HTTP\/1.1 200 /);
});

test('rubbish after a request does not get into the answer that is under way', async () => {
  const slow: Route = {
    ...show,
    pattern: '/slow',
    handle: ({ request, response }) => {
      response.writeHead(200, { 'content-length': '6' });
      response.write('abc');
      request.socket.once('close', () => response.destroy());
    },
  };
  const { port } = await serve({ routes: [slow] });
  const answer = await sendRaw(port, 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\nrubbish\r\n\r\n');
  expect(answer).not.toContain('400');
});
