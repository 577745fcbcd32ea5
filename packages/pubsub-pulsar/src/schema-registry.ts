import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { ComponentError, errorMessage, type Logger } from '@outrigger/core';
import { topicPath } from './topic-name.ts';
import type { TopicSchemaInfo } from './transport.ts';
import type { LinkOptions } from './web-socket-link.ts';

const maxAnswer = 64 * 1024;
/** All publishes to the topic wait for the answer, so one that never comes must not end them for good. */
const answerTimeoutMs = 10_000;

/**
 * Tells the broker the schema of a topic, over the REST API that it has beside the WebSocket API. Rejects when the schema does
 * not fit what the topic has. Where there is no such API, or no right to use it, a warning says so and nothing else happens.
 */
export async function registerSchema(
  topic: string,
  { type, definition }: TopicSchemaInfo,
  options: LinkOptions,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const [, ...name] = topicPath(topic).split('/');
  const url = new URL(`/admin/v2/schemas/${name.join('/')}/schema`, options.address.replace(/^ws/, 'http'));
  const body = JSON.stringify({ type, schema: definition, properties: {} });
  let status: number;
  let answer: string;
  try {
    const until = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
    ({ status, answer } = await post(url, body, options, until));
  } catch (error) {
    signal.throwIfAborted();
    throw new ComponentError('unavailable', `cannot register the schema of topic "${topic}": ${errorMessage(error)}`, {
      cause: error,
    });
  }
  if (status < 300) return;
  const reason = reasonIn(answer) ?? `status ${status}`;
  if (status === 409 || status === 422) {
    throw new ComponentError('invalid-argument', `the schema of topic "${topic}" is refused by Pulsar: ${reason}`);
  }
  if (status >= 500)
    throw new ComponentError('unavailable', `cannot register the schema of topic "${topic}": ${reason}`);
  logger.warn(`the schema of topic "${topic}" is checked here but not known to Pulsar, which says: ${reason}`);
}

async function post(
  url: URL,
  body: string,
  { authorization, ca, cert, key }: LinkOptions,
  signal: AbortSignal,
): Promise<{ status: number; answer: string }> {
  const login = await authorization();
  const headers = { 'content-type': 'application/json', ...(login !== undefined && { authorization: login }) };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; answer: string }>();
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    method: 'POST',
    headers,
    signal,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
  request.on('error', reject);
  request.on('response', (response) => {
    let answer = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      if (answer.length < maxAnswer) answer += chunk;
    });
    response.on('error', reject);
    response.on('end', () => resolve({ status: response.statusCode ?? 0, answer }));
  });
  request.end(body);
  return promise;
}

function reasonIn(answer: string): string | undefined {
  try {
    const { reason } = JSON.parse(answer) as { reason?: unknown };
    return typeof reason === 'string' ? reason.slice(0, 300) : undefined;
  } catch {
    return undefined;
  }
}
