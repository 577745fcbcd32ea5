import { ComponentError, errorMessage } from '@outrigger/core';
import type { Dispatcher } from 'undici';

import type { AppRequest, AppResponse, HeaderMap } from '../app-channel/app-channel.ts';
import { HttpExchange, requestBody } from '../app-channel/http-exchange.ts';
import type { HttpEndpoint } from '../resources/http-endpoint-resource.ts';

/**
 * Calls an HTTPEndpoint, or a plain URL, straight from here: no other sidecar is involved. Redirects are answers, they are not
 * followed. undici is imported on the first call; connections are kept.
 */
export class HttpEndpointClient implements AsyncDisposable {
  readonly #origin: string;
  /** The base URL's own path, without a slash at its end. */
  readonly #basePath: string;
  readonly #headers: HeaderMap;
  readonly #clientTls: HttpEndpoint['clientTls'];
  readonly #graceMs: number;
  #pool: Promise<Dispatcher> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param graceMs how long disposal waits for calls in flight
   * @throws TypeError when the base URL is none
   */
  constructor(endpoint: Omit<HttpEndpoint, 'name'>, graceMs: number = 5000) {
    const url = new URL(endpoint.baseUrl);
    this.#origin = url.origin;
    this.#basePath = url.pathname.replace(/\/+$/, '');
    this.#headers = Object.fromEntries(endpoint.headers.map(({ name, value }) => [name.toLowerCase(), value]));
    this.#clientTls = endpoint.clientTls;
    this.#graceMs = graceMs;
  }

  /** Resolves when status and headers are there. Rejects with ComponentError `unavailable` when there was no answer. */
  async call(request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    // A call that began before the end and is tried again has a connection of its own.
    const isLate = this.#closing !== undefined;
    const pool = await (isLate ? this.#newPool() : (this.#pool ??= this.#newPool()));
    signal.throwIfAborted();
    const onDone = (): void => void (isLate && pool.close());
    const exchange = new HttpExchange({ signal, onDone });
    const { path, query } = request;
    pool.dispatch(
      {
        method: request.verb,
        path: `${this.#basePath}${path}${query === '' ? '' : `?${query}`}`,
        headers: { ...request.headers, ...this.#headers } as Record<string, string | string[]>,
        body: requestBody(request.body),
      },
      exchange,
    );
    try {
      return await exchange.response;
    } catch (error) {
      signal.throwIfAborted();
      throw new ComponentError('unavailable', `${this.#origin}: ${errorMessage(error)}`, { cause: error });
    }
  }

  /** Keeps no more connections; resolves when the calls in flight have ended, however long that takes. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** As {@link close}, but calls that are in flight after `graceMs` are cut off. */
  async [Symbol.asyncDispose](): Promise<void> {
    const pool = await this.#pool;
    if (pool === undefined) return;
    const cut = setTimeout(() => {
      void pool.destroy(new Error('the call was cut off, as the runtime ends'));
    }, this.#graceMs);
    await this.close().finally(() => clearTimeout(cut));
  }

  async #close(): Promise<void> {
    await (await this.#pool)?.close();
  }

  async #newPool(): Promise<Dispatcher> {
    const { Pool } = await import('undici');
    const { rootCA, certificate, privateKey } = this.#clientTls ?? {};
    const connect = {
      ...(rootCA !== undefined && { ca: rootCA }),
      ...(certificate !== undefined && { cert: certificate }),
      ...(privateKey !== undefined && { key: privateKey }),
    };
    // How long an answer may take is for policies to say.
    return new Pool(this.#origin, { headersTimeout: 0, bodyTimeout: 0, allowH2: false, connect });
  }
}
