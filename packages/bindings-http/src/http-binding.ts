import type { SecureContextOptions } from 'node:tls';
import {
  BindingError,
  type BindingRequest,
  type BindingResponse,
  type Bindings,
  ComponentError,
  type ErrorCode,
  errorMessage,
  type Logger,
  parseBoolean,
} from '@outrigger/core';
import { Agent, type Dispatcher, interceptors } from 'undici';
import type { HttpMetadata } from './fields.ts';
import { readLimited } from './read-limited.ts';
import { requestHeaders } from './request-headers.ts';
import { responseMetadata } from './response-metadata.ts';
import { keepTokenHome } from './token-stays-home.ts';

export interface HttpBindingOptions {
  /** Of the component, for the log. */
  readonly name: string;
  readonly metadata: HttpMetadata;
  readonly tls: SecureContextOptions;
  readonly logger: Logger;
}

const withBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const connectTimeout = 15_000;
const maxRedirections = 10;

/** An output that makes HTTP requests: operations are verbs, `create` is `post`. Follows up to ten redirects. */
export class HttpBinding implements Bindings {
  readonly operations = ['create', 'get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'trace'];
  readonly #options: HttpBindingOptions;
  readonly #base: string;
  readonly #agent: Agent;
  readonly #dispatcher: Dispatcher;
  #closing: Promise<void> | undefined;

  /** Throws `invalid-argument` for a URL that is none. */
  constructor(options: HttpBindingOptions) {
    const { metadata, tls } = options;
    const { origin } = parseUrl(metadata.url);
    this.#options = options;
    this.#base = metadata.url;
    this.#agent = new Agent({
      connect: { ...tls, timeout: connectTimeout },
      // how long a call may take is for responseTimeout and policies to say
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#dispatcher = this.#agent.compose(
      keepTokenHome(origin, metadata.securityTokenHeader),
      interceptors.redirect({ maxRedirections }),
    );
  }

  async invoke({ operation, data, metadata }: BindingRequest, signal: AbortSignal): Promise<BindingResponse> {
    if (!this.operations.includes(operation)) {
      throw new ComponentError('unsupported', `invalid operation: ${operation}`);
    }
    const { responseTimeout } = this.#options.metadata;
    const method = operation === 'create' ? 'POST' : operation.toUpperCase();
    const path = metadata['path'];
    const url = parseUrl(path ? `${this.#base.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}` : this.#base);
    const hasBody = withBody.has(method);
    const headers = { ...loginOf(url), ...requestHeaders(metadata, this.#options.metadata, hasBody) };
    const timeout = responseTimeout === undefined ? undefined : AbortSignal.timeout(responseTimeout);
    try {
      const response = await this.#dispatcher.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers,
        body: hasBody ? data : null,
        signal: timeout === undefined ? signal : AbortSignal.any([signal, timeout]),
      });
      return await this.#answer(response, metadata['errorIfNot2XX']);
    } catch (error) {
      signal.throwIfAborted();
      if (ComponentError.is(error)) throw error;
      if (timeout?.aborted) {
        const message = `no whole answer to ${method} ${url.origin}${url.pathname} within ${responseTimeout} ms (responseTimeout)`;
        throw new ComponentError('deadline-exceeded', message, { cause: error });
      }
      const code = isMistake(error) ? 'invalid-argument' : 'unavailable';
      const message = `${method} ${url.origin}${url.pathname} failed: ${errorMessage(error)}`;
      throw new ComponentError(code, message, { cause: error });
    }
  }

  /** Waits for the calls under way. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#agent.close());
  }

  async #answer(response: Dispatcher.ResponseData, errorIfNot2XX: string | undefined): Promise<BindingResponse> {
    const { name, metadata, logger } = this.#options;
    const { statusCode: status } = response;
    const { data, isWhole } = await readLimited(response.body, metadata.maxResponseBodySize);
    if (!isWhole) {
      logger.warn(
        `binding ${name}: an answer is longer than ${metadata.maxResponseBodySize} bytes (maxResponseBodySize) and was cut`,
      );
    }
    const answer = responseMetadata(status, response.statusText, response.headers);
    const isError = errorIfNot2XX ? (parseBoolean(errorIfNot2XX) ?? false) : metadata.errorIfNot2XX;
    if (isError && (status < 200 || status > 299)) {
      throw new BindingError(codeOf(status), `received status code ${status}`, answer);
    }
    return { data, metadata: answer };
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  // a URL may hold a password
  throw new ComponentError(
    'invalid-argument',
    'url, with the path appended, is not a URL that begins with http:// or https://',
  );
}

/** A name and password in the URL are sent as browsers and Go do. */
function loginOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  return { authorization: `Basic ${login}` };
}

/** Whether sending the same once more may help is derived from the code. */
function codeOf(status: number): ErrorCode {
  if (status === 404 || status === 410) return 'not-found';
  return status >= 500 || status === 408 || status === 429 ? 'unavailable' : 'invalid-argument';
}

/** What undici says of a request that it cannot send as it is. */
function isMistake(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'UND_ERR_INVALID_ARG';
}
