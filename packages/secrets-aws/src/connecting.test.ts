import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { openComponent } from '@outrigger/conformance';
import { type ComponentDefinition, ComponentError } from '@outrigger/core';
import { afterEach, expect, it } from 'vitest';
import parameterStore from './parameter-store.ts';
import secretManager from './secret-manager.ts';

// What AWS refuses and the server of the other tests does not, in the format that AWS documents.
const { signal } = new AbortController();
const login = { region: 'us-east-1', accessKey: 'AKIATESTING', secretKey: 'hunter2' };
const definitions: readonly ComponentDefinition<'secrets'>[] = [secretManager, parameterStore];
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

interface Ask {
  readonly target: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

async function serve(answer: (ask: Ask) => { readonly status?: number; readonly body: unknown }): Promise<string> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const target = String(request.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
      const { status = 200, body: answered } = answer({ target, body, headers: request.headers });
      const isText = typeof answered === 'string';
      response.writeHead(status, { 'content-type': isText ? 'text/xml' : 'application/x-amz-json-1.1' });
      response.end(isText ? answered : JSON.stringify(answered));
    });
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refuse = (type: string, message: string) => ({ status: 400, body: { __type: type, message } });

async function failure(promise: Promise<unknown>): Promise<ComponentError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ComponentError.is(error)) throw new Error('expected a ComponentError', { cause: error });
  expect(inspect(error, { depth: 9 })).not.toContain(login.secretKey);
  return error;
}

it.each(definitions)('$type: credentials that AWS does not know end the start', async (definition) => {
  const endpoint = await serve(() =>
    refuse('UnrecognizedClientException', 'The security token included in the request is invalid.'),
  );
  const error = await failure(openComponent(definition, { ...login, endpoint }));
  expect(error.code).toBe('invalid-argument');
  expect(error.message).toContain('accessKey');
});

it.each(definitions)('$type: who may not list may still read', async (definition) => {
  const endpoint = await serve(({ target }) => {
    if (target === 'GetSecretValue') return { body: { Name: 'db', SecretString: 'v' } };
    if (target === 'GetParameter') return { body: { Parameter: { Name: 'db', Value: 'v' } } };
    return refuse('AccessDeniedException', 'User: arn:aws:iam::123456789012:user/x is not authorized to perform this');
  });
  await using store = await openComponent(definition, { ...login, endpoint });
  expect(await store.get({ name: 'db' }, signal)).toEqual({ db: 'v' });
  const error = await failure(store.getAll?.({}, signal) ?? Promise.resolve());
  expect(error.message).toMatch(/listing in AWS .* do not have the right/);
});

it.each(definitions)('$type: a server that cannot be reached is named with the field to mend', async (definition) => {
  const error = await failure(openComponent(definition, { ...login, endpoint: 'http://127.0.0.1:1' }));
  expect(error.code).toBe('unavailable');
  expect(error.message).toContain('check endpoint and region');
  expect((await failure(openComponent(definition, { ...login, endpoint: 'localhost' }))).message).toContain('endpoint');
});

it.each(definitions)('$type: a role is taken on with the keys', async (definition) => {
  const signedWith: string[] = [];
  const endpoint = await serve(({ body, headers }) => {
    signedWith.push(/Credential=(\w+)/.exec(headers.authorization ?? '')?.[1] ?? '');
    if (!body.includes('Action=AssumeRole')) return { body: {} };
    const query = new URLSearchParams(body);
    expect(query.get('RoleArn')).toBe('arn:aws:iam::123456789012:role/reader');
    expect(query.get('RoleSessionName')).toBe('shop');
    return {
      body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
        <Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    };
  });
  const role = { assumeRoleArn: 'arn:aws:iam::123456789012:role/reader', sessionName: 'shop' };
  await using store = await openComponent(definition, { ...login, ...role, endpoint });
  await store.getAll?.({}, signal);
  expect(signedWith).toEqual(['AKIATESTING', 'ASIAROLE', 'ASIAROLE']);
});

it.each(definitions)('$type: a start that is given up says what it waits for', async (definition) => {
  const endpoint = await serve(() => ({ body: {} }));
  servers[0]?.removeAllListeners('request');
  const error = await failure(openComponent(definition, { ...login, endpoint }, { signal: AbortSignal.timeout(200) }));
  expect(error).toMatchObject({ code: 'unavailable' });
  expect(error.message).toContain('has not answered yet; check endpoint and region');
});
