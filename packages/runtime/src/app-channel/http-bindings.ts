import { errorMessage, type Logger } from '@outrigger/core';

import { AppError, type InputBinding, type InputBindingAnswer, type InputBindingEvent } from './app-channel.ts';
import type { HttpClient } from './http-client.ts';
import { addMetadataHeaders, addTraceHeaders, type MutableHeaders, requestTarget } from './http-headers.ts';

export interface HttpBindingsOptions {
  readonly client: HttpClient;
  /** Headers that every call carries; a new object at each call. */
  readonly headers: () => MutableHeaders;
  /** Longest answer of the app, in bytes. */
  readonly maxBodySize: number;
  /** How long one `OPTIONS` may take. Default 3 s. */
  readonly optionsTimeoutMs?: number | undefined;
  readonly logger: Logger;
}

/** Input bindings of an app that is reached over HTTP. */
export class HttpBindings {
  readonly #options: HttpBindingsOptions;

  constructor(options: HttpBindingsOptions) {
    this.#options = options;
  }

  /**
   * Those to whose path the app answers `OPTIONS` with 2xx or 405. One that does not answer in time is left out with a warning.
   * Rejects when the app cannot be reached.
   */
  async wanted(candidates: readonly InputBinding[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const wanted = await Promise.all(candidates.map((candidate) => this.#isWanted(candidate, signal)));
    return new Set(candidates.flatMap(({ name }, index) => (wanted[index] ? [name] : [])));
  }

  async #isWanted({ name, path }: InputBinding, signal: AbortSignal): Promise<boolean> {
    const { client, headers, maxBodySize, optionsTimeoutMs = 3000, logger } = this.#options;
    const timeout = AbortSignal.timeout(optionsTimeoutMs);
    try {
      const { status } = await client.collect(
        // deliveries that are under way must not use up its time
        { method: 'OPTIONS', target: requestTarget(path), headers: headers(), unlimited: true },
        maxBodySize,
        AbortSignal.any([signal, timeout]),
      );
      return (status >= 200 && status < 300) || status === 405;
    } catch (error) {
      signal.throwIfAborted();
      if (!timeout.aborted) throw error;
      logger.warn(
        `the app did not answer OPTIONS ${path} within ${optionsTimeoutMs} ms (--app-binding-options-timeout): binding ${name} is ` +
          `not read (${errorMessage(error)}); with the metadata field direction: input it is not asked`,
      );
      return false;
    }
  }

  /** Any 2xx is success. Rejects with {@link AppError} when the app answers with anything else. */
  async deliver(event: InputBindingEvent, signal: AbortSignal): Promise<InputBindingAnswer> {
    const { client, maxBodySize } = this.#options;
    const headers = this.#options.headers();
    addMetadataHeaders(headers, event.metadata);
    addTraceHeaders(headers, event.trace);
    headers['content-type'] = event.contentType ?? 'application/json';
    const response = await client.collect(
      { method: 'POST', target: requestTarget(event.path), headers, body: event.data },
      maxBodySize,
      signal,
    );
    const { status, body } = response;
    if (status < 200 || status > 299) {
      const text = body === undefined ? '' : Buffer.from(body).toString().slice(0, 1000);
      throw new AppError(
        `fails to send binding event to http app channel, status code: ${status} body: ${text}`,
        status,
      );
    }
    const contentType = response.headers['content-type'];
    return {
      ...(body !== undefined && { data: body }),
      ...(typeof contentType === 'string' && { contentType }),
      to: [],
      concurrency: 'sequential',
    };
  }
}
