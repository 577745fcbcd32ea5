import { type Exchange, jsonOf, replyJson, required, type Route } from '../http/exchange.ts';
import { HttpError } from '../http/http-error.ts';
import type { Instances } from '../instances/instances.ts';
import { askWell } from '../instances/sidecar-api.ts';
import { textOf } from '../topics/payload-text.ts';

const item = '/api/instances/:id/state/:store/item';

/** Reads and writes state as the app of the instance does: with its key prefix, and decrypted. */
export function stateRoutes(instances: Instances): Route[] {
  const storeOf = async ({ params }: Exchange) => ({
    instance: await instances.find(params['id'] ?? ''),
    path: `/state/${encodeURIComponent(params['store'] ?? '')}`,
  });
  const keyOf = ({ url }: Exchange) => required(url.searchParams.get('key'), 'key');
  const itemPath = (path: string, exchange: Exchange) => `/v1.0${path}/${encodeURIComponent(keyOf(exchange))}`;

  const get = async (exchange: Exchange) => {
    const { instance, path } = await storeOf(exchange);
    const { status, headers, body } = await askWell(instance, itemPath(path, exchange));
    if (status === 204) throw new HttpError(404, `there is nothing under ${keyOf(exchange)}`);
    const etag = headers.get('etag');
    replyJson(exchange, { ...textOf(body), ...(etag !== null && { etag }) });
  };

  const put = async (exchange: Exchange) => {
    const { value } = await jsonOf(exchange.request);
    if (typeof value !== 'string') throw new HttpError(400, 'value has to be text: JSON, or any other');
    const { instance, path } = await storeOf(exchange);
    // JSON goes as it was written: read and written again, long numbers would change
    const entry = `[{"key":${JSON.stringify(keyOf(exchange))},"value":${isJson(value) ? value : JSON.stringify(value)}}]`;
    const headers = { 'content-type': 'application/json' };
    await askWell(instance, `/v1.0${path}`, { method: 'POST', headers, body: entry });
    replyJson(exchange, {});
  };

  const remove = async (exchange: Exchange) => {
    const { instance, path } = await storeOf(exchange);
    await askWell(instance, itemPath(path, exchange), { method: 'DELETE' });
    replyJson(exchange, {});
  };

  const keys = async (exchange: Exchange) => {
    const { instance, path } = await storeOf(exchange);
    const given = exchange.url.searchParams;
    const query = new URLSearchParams({
      prefix: given.get('prefix') ?? '',
      limit: '100',
      token: given.get('token') ?? '',
    });
    const { body } = await askWell(instance, `/v1.0-alpha1${path}/keys?${query.toString()}`);
    replyJson(exchange, JSON.parse(body.toString()));
  };

  return [
    { method: 'GET', path: item, handle: get },
    { method: 'PUT', path: item, handle: put },
    { method: 'DELETE', path: item, handle: remove },
    { method: 'GET', path: '/api/instances/:id/state/:store/keys', handle: keys },
  ];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
