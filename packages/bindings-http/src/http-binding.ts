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
import { Agent, type Dispatcher } from 'undici';
import type { HttpMetadata } from './fields.ts';
import { readLimited } from './read-limited.ts';
import { redirected, type WebRequest } from './redirect.ts';
import { requestHeaders } from './request-headers.ts';
import { responseMetadata } from './response-metadata.ts';

export interface HttpBindingOptions {
  /** Of the component, for the log. */
  readonly name: string;
  readonly metadata: HttpMetadata;
  readonly tls: SecureContextOptions;
  readonly logger: Logger;
}

const withBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const connectTimeout = 15_000;
const maxRedirects = 10;
/** How much of the body of a redirect is read, so that its connection can be used again. */
const skippedBody = 64 * 2 ** 10;

/** An output that makes HTTP requests: operations are verbs, `create` is `post`. Follows up to ten redirects. */
export class HttpBinding implements Bindings {
  readonly operations = ['create', 'get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'trace'];
  readonly #options: HttpBindingOptions;
  readonly #base: string;
  readonly #login: Readonly<Record<string, string>>;
  readonly #agent: Agent;
  #closing: Promise<void> | undefined;

  /** Throws `invalid-argument` for a URL that is none. */
  constructor(options: HttpBindingOptions) {
    const { metadata, tls } = options;
    this.#options = options;
    this.#base = metadata.url;
    this.#login = loginOf(parseUrl(metadata.url));
    this.#agent = new Agent({
      connect: { ...tls, timeout: connectTimeout },
      // how long a call may take is for responseTimeout and policies to say
      headersTimeout: 0,
      bodyTimeout: 0,
    });
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
    const headers = { ...this.#login, ...requestHeaders(metadata, this.#options.metadata, hasBody) };
    const timeout = responseTimeout === undefined ? undefined : AbortSignal.timeout(responseTimeout);
    const limited = timeout === undefined ? signal : AbortSignal.any([signal, timeout]);
    try {
      const response = await this.#request({ url, method, headers, body: hasBody ? data : null }, limited);
      return await this.#answer(response, metadata['errorIfNot2XX']);
    } catch (error) {
      signal.throwIfAborted();
      if (ComponentError.is(error)) throw error;
      // the path may be a secret, too, as those of web hooks are
      const call = `${method} ${url.origin}`;
      if (timeout?.aborted) {
        const message = `no whole answer to ${call} within ${responseTimeout} ms (responseTimeout)`;
        throw new ComponentError('deadline-exceeded', message, { cause: error });
      }
      const code = isMistake(error) ? 'invalid-argument' : 'unavailable';
      throw new ComponentError(code, `${call} failed: ${errorMessage(error)}`, { cause: error });
    }
  }

  /** Waits for the calls under way. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#agent.close());
  }

  /** The answer behind all redirects; after too many, the last of them. */
  async #request(first: WebRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const token = this.#options.metadata.securityTokenHeader?.toLowerCase();
    let request = first;
    for (let redirects = 0; ; redirects++) {
      const { url, method, headers, body } = request;
      const target = { origin: url.origin, path: url.pathname + url.search };
      const response = await this.#agent.request({
        ...target,
        method,
        headers,
        body,
        signal,
      });
      const { statusCode, headers: answered } = response;
      const next = redirects < maxRedirects ? redirected(request, statusCode, answered['location'], token) : undefined;
      if (next === undefined) return response;
      await response.body.dump({ limit: skippedBody, signal });
      request = next;
    }
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

/** A name and password in the URL are sent as browsers and Go do. Throws `invalid-argument` for a broken escape. */
function loginOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  try {
    const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
    return { authorization: `Basic ${login}` };
  } catch {
    throw new ComponentError('invalid-argument', 'url: a "%" in the name or password must be written as %25');
  }
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
