import { silentLogger } from '@outrigger/core';
import { expect, test, vi } from 'vitest';

import { ApiError, errorInfo, withoutSecrets } from './errors.ts';
import { hidingLogger, SecretTexts } from './secret-texts.ts';

function secretsOf(...texts: string[]): SecretTexts {
  const secrets = new SecretTexts();
  for (const text of texts) secrets.add(text);
  return secrets;
}

test('a secret is masked as it is, escaped and encoded', () => {
  const secret = 'p"ä ss\\wörd/+=*[1]';
  const secrets = secretsOf(secret);
  const json = JSON.stringify({ secret });
  for (const shown of [
    secret,
    json,
    JSON.stringify(json),
    `redis://u:${encodeURIComponent(secret)}@host`,
    `Basic ${Buffer.from(secret).toString('base64')}`,
  ]) {
    const hidden = secrets.hide(`wrong password: ${shown}!`);
    expect(hidden).toContain('***');
    expect(hidden).not.toContain('rd/');
  }
  expect(secrets.hide('nothing here')).toBe('nothing here');
});

test('a short secret is masked as a word, a long one anywhere', () => {
  const secrets = secretsOf('test', 'correct horse battery');
  expect(secrets.hide('test: the latest "test" xcorrect horse batteryx')).toBe('***: the latest "***" x***x');
});

test('of two secrets that begin alike the longer is masked whole', () => {
  expect(secretsOf('abcdefghijklm', 'abcdefghijklmnop').hide('abcdefghijklmnop')).toBe('***');
});

test('what is too short to be a secret hides nothing', () => {
  expect(secretsOf('', ' ', 'x', '12').hide('x 12')).toBe('x 12');
});

test.each([
  ['amqp://guest:s3cret-of-mine@host:5672/vhost', 's3cret-of-mine'],
  ['mongodb://a:s3cret-one@h1,h2/db?x=1', 's3cret-one'],
  ['postgres://u:p%40ss-word@host/db', 'p@ss-word'],
  ["host=localhost user=me password='two words' sslmode=disable", 'two words'],
  ['Endpoint=sb://x.example/;SharedAccessKey=abc123==;EntityPath=q', 'abc123=='],
])('the secret inside %s is found', (value, secret) => {
  const secrets = new SecretTexts();
  secrets.addFrom(value);
  expect(secrets.hide(`login failed: ${secret}`)).toBe('login failed: ***');
  expect(secrets.hide(value)).not.toContain(secret);
  expect(secrets.hide('host localhost me x.example')).toBe('host localhost me x.example');
});

test('a key of many lines is masked line by line, too', () => {
  const line = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC';
  const secrets = secretsOf(`-----BEGIN PRIVATE KEY-----\n${line}\n-----END PRIVATE KEY-----\n`);
  expect(secrets.hide(`bad base64 in ${line}`)).toBe('bad base64 in ***');
});

test('a logger hides them in messages, fields and errors, and asks nothing of a level that is off', () => {
  const info = vi.fn();
  const debug = vi.fn();
  const secrets = secretsOf('open sesame');
  const hide = vi.spyOn(secrets, 'hide');
  const logger = hidingLogger({ ...silentLogger, isEnabled: (level) => level !== 'debug', info, debug }, secrets);
  logger.debug('open sesame');
  expect(hide).not.toHaveBeenCalled();
  const plain = new Error('away');
  logger.info('said open sesame', { url: 'x?open sesame', error: new Error('no open sesame'), plain, count: 1 });
  expect(info).toHaveBeenCalledExactlyOnceWith('said ***', {
    url: 'x?***',
    error: expect.stringContaining('Error: no ***') as string,
    plain,
    count: 1,
  });
  expect(debug).not.toHaveBeenCalled();
});

test('a logger finds them in long texts and lists, too', () => {
  const info = vi.fn();
  const logger = hidingLogger({ ...silentLogger, isEnabled: () => true, info }, secretsOf('open sesame'));
  const list = [...Array.from({ length: 200 }, String), 'open sesame'];
  logger.info('asked', { list, reply: { body: `${'-'.repeat(20_000)} open sesame` } });
  expect(JSON.stringify(info.mock.calls)).toContain('***');
  expect(JSON.stringify(info.mock.calls)).not.toContain('open sesame');
});

test('an error for a caller loses them in its messages and details, and keeps all else', () => {
  const cause = new Error('open sesame');
  const error = new ApiError('failed: open sesame', {
    errorCode: 'ERR_X',
    httpStatus: 409,
    grpcStatus: 'ABORTED',
    grpcMessage: 'rpc: open sesame',
    details: [errorInfo('REASON', { error: 'open sesame' })],
    cause,
  });
  const secrets = secretsOf('open sesame', 'message', 'type.googleapis.com/google.rpc.ErrorInfo');
  const told = withoutSecrets(error, (text) => secrets.hide(text));
  expect(told).toMatchObject({
    message: 'failed: ***',
    grpcMessage: 'rpc: ***',
    errorCode: 'ERR_X',
    httpStatus: 409,
    grpcStatus: 'ABORTED',
    cause,
    details: [errorInfo('REASON', { error: '***' })],
  });
  expect(withoutSecrets(error, (text) => text)).toBe(error);
});
