import { headerOf } from '../../http/headers.ts';
import { unescapeText } from '../../http/request-path.ts';
import type { HttpExchange } from '../../http/route.ts';

/** Where a request on the HTTP edge wants to go. */
export interface RequestedTarget {
  readonly target: string;
  /** Clean, and still escaped. */
  readonly path: string;
  /** The target came as user name and password, which are not for the app. */
  readonly byBasicAuth: boolean;
}

const prefix = '/v1.0/invoke/';
const method = '/method';

/**
 * Looks for the target of a call where Dapr does, in this order: the header `dapr-app-id`, the Basic-auth user
 * `dapr-app-id:<id>`, the path `/v1.0/invoke/<target>/method/<path>`. `undefined` when it is nowhere.
 */
export function findTarget(exchange: HttpExchange): RequestedTarget | undefined {
  const { path, request } = exchange;
  const appId = headerOf(request, 'dapr-app-id');
  if (appId) return { target: appId, path, byBasicAuth: false };

  const user = basicAuthTarget(headerOf(request, 'authorization'));
  if (user !== undefined) return { target: user, path, byBasicAuth: true };

  if (!path.startsWith(prefix)) return undefined;
  const end = path.indexOf(`${method}/`, prefix.length);
  if (end > prefix.length)
    return { target: targetIn(path, end), path: path.slice(end + method.length), byBasicAuth: false };
  // Cleaning has taken the slash from `/method/`, which calls the app's root.
  const isRoot = path.endsWith(method) && /\/method\/+(?:\?|$)/.test(request.url ?? '');
  const rootEnd = path.length - method.length;
  return isRoot && rootEnd > prefix.length
    ? { target: targetIn(path, rootEnd), path: '/', byBasicAuth: false }
    : undefined;
}

/** `http%3A%2F%2Fhost` is decoded; `http:/host` has lost a slash when the path was cleaned. */
function targetIn(path: string, end: number): string {
  const text = path.slice(prefix.length, end);
  const decoded = unescapeText(text) ?? text;
  return decoded.replace(/^(https?:)\/(?!\/)/i, '$1//');
}

function basicAuthTarget(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !authorization.startsWith('Basic ')) return undefined;
  const [user, target, ...more] = Buffer.from(authorization.slice(6), 'base64').toString('latin1').split(':');
  if (user?.toLowerCase() !== 'dapr-app-id' || target === undefined || target === '' || more.length > 0)
    return undefined;
  return target;
}
