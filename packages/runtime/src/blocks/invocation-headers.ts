import type { Body, HeaderMap } from '../app-channel/app-channel.ts';
import { hopByHop } from '../app-channel/http-headers.ts';

/** Who calls whom; only a sidecar may say it. */
const identity = {
  caller: 'dapr-caller-app-id',
  callerNamespace: 'dapr-caller-namespace',
  callee: 'dapr-callee-app-id',
};

const never: ReadonlySet<string> = new Set(hopByHop);
const neverToTarget: ReadonlySet<string> = new Set([
  ...hopByHop,
  ...Object.values(identity),
  'dapr-api-token',
  'dapr-app-id',
  'destination-app-id',
  'expect',
  'host',
]);
const neverToApp: ReadonlySet<string> = new Set(
  [...neverToTarget].filter((name) => !Object.values(identity).includes(name)),
);

/** This process, as those that it calls see it. */
export interface CallerIdentity {
  readonly appId: string;
  readonly namespace: string;
}

export type MutableHeaders = Record<string, string | readonly string[]>;

/** A caller's headers without those that end here. A length stays only with a body that still streams: else it is known anew. */
export function requestHeaders(headers: HeaderMap, body: Body): MutableHeaders {
  return without(headers, neverToTarget, isStream(body));
}

/** As {@link requestHeaders}, for what a peer sent: it says who called, and its word is good. */
export function peerRequestHeaders(headers: HeaderMap, body: Body): MutableHeaders {
  return without(headers, neverToApp, isStream(body));
}

/**
 * An answer's headers without those that end here. A length stays where there is no body, as for `HEAD`, and where it still
 * streams; whoever writes it holds the body to it.
 */
export function responseHeaders(headers: HeaderMap, body: Body): MutableHeaders {
  return without(headers, never, !(body instanceof Uint8Array));
}

/** A gRPC caller's metadata without what ends here, and with who calls whom; `dapr-app-id` is for sidecars before Dapr 1.16. */
export function proxyMetadata(
  metadata: HeaderMap,
  caller: CallerIdentity,
  callee: { readonly appId: string; readonly target?: string },
): MutableHeaders {
  const kept = without(metadata, neverToTarget, false);
  addIdentity(kept, caller, callee.appId);
  if (callee.target !== undefined) kept['dapr-app-id'] = callee.target;
  return kept;
}

/** The same for the app, as a peer sent it: it says who called. Older sidecars put their word behind their app's: the last counts. */
export function peerProxyMetadata(metadata: HeaderMap): MutableHeaders {
  const kept = without(metadata, neverToApp, false);
  for (const name of Object.values(identity)) {
    const values = kept[name];
    const last = typeof values === 'string' ? undefined : values?.at(-1);
    if (last !== undefined) kept[name] = last;
  }
  return kept;
}

/** Adds who calls whom. */
export function addIdentity(headers: MutableHeaders, caller: CallerIdentity, calleeAppId: string): void {
  headers[identity.caller] = caller.appId;
  headers[identity.callerNamespace] = caller.namespace;
  headers[identity.callee] = calleeAppId;
}

/** The headers by which a proxy tells of itself, with values ready to be added to every call. */
export class ForwardedHeaders {
  readonly #address: string;
  readonly #host: string;
  readonly #forwarded: string;

  /**
   * @param address of this sidecar, as peers see it
   * @param host name of the machine
   */
  constructor(address: string, host: string) {
    // RFC 7239: an IPv6 address is quoted.
    const node = address.includes(':') ? `"[${address}]"` : address;
    this.#address = address;
    this.#host = host;
    this.#forwarded = `for=${node};by=${node};host=${host}`;
  }

  /** Adds them behind those that are there. */
  addTo(headers: MutableHeaders): void {
    append(headers, 'x-forwarded-for', this.#address);
    append(headers, 'x-forwarded-host', this.#host);
    append(headers, 'forwarded', this.#forwarded);
  }
}

function append(headers: MutableHeaders, name: string, value: string): void {
  const present = headers[name];
  headers[name] = present === undefined ? value : typeof present === 'string' ? [present, value] : [...present, value];
}

function isStream(body: Body): boolean {
  return body !== undefined && !(body instanceof Uint8Array);
}

function without(headers: HeaderMap, dropped: ReadonlySet<string>, keepLength: boolean): MutableHeaders {
  const named = namedByConnection(headers['connection']);
  const kept: MutableHeaders = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || dropped.has(name) || (named !== undefined && named.has(name))) continue;
    if (name === 'content-length' && !keepLength) continue;
    kept[name] = value;
  }
  return kept;
}

function namedByConnection(value: string | readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined;
  return new Set(
    String(value)
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
}
