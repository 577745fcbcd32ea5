import { ComponentError } from '@outrigger/core';

/** A request as it goes out. */
export interface WebRequest {
  readonly url: URL;
  readonly method: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What is meant for one server. */
const personal: readonly string[] = ['authorization', 'cookie', 'proxy-authorization'];

/**
 * The request that an answer asks for instead of `request`, made as Go and browsers do: after 301, 302 and 303 it is a GET
 * without a body, and another server is not told what was meant for the first, nor the header `token`. `undefined`: the answer
 * leads nowhere. Throws `internal` for a place that HTTP cannot go to.
 */
export function redirected(
  request: WebRequest,
  status: number,
  location: string | string[] | undefined,
  token: string | undefined,
): WebRequest | undefined {
  if (!statuses.has(status) || typeof location !== 'string') return undefined;
  const url = URL.parse(location, request.url.href);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ComponentError('internal', `${request.url.origin} redirects to what is no URL of http or https`);
  }
  const staysAsItIs = status === 307 || status === 308 || request.method === 'HEAD';
  const isAway = url.origin !== request.url.origin;
  const headers = Object.entries(request.headers).filter(
    ([name]) =>
      (staysAsItIs || !name.startsWith('content-')) && !(isAway && (personal.includes(name) || name === token)),
  );
  return {
    url,
    method: staysAsItIs ? request.method : 'GET',
    headers: Object.fromEntries(headers),
    body: staysAsItIs ? request.body : null,
  };
}
