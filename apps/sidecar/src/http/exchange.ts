import type { IncomingMessage, ServerResponse } from 'node:http';

import { readBody, streamBody } from './body.ts';
import { queryMetadata, queryValues } from './query.ts';
import type { HttpExchange } from './route.ts';

/** A request on its way. Fields are set once, in the constructor; the rest is computed when asked for. */
export class Exchange implements HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: string[];
  readonly path: string;
  readonly query: string;
  readonly #maxBodySize: number;
  #abort: AbortController | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    params: string[],
    path: string,
    query: string,
    maxBodySize: number,
  ) {
    this.request = request;
    this.response = response;
    this.params = params;
    this.path = path;
    this.query = query;
    this.#maxBodySize = maxBodySize;
  }

  queryValue(name: string): string | undefined {
    return this.query === '' ? undefined : queryValues(this.query, name)[0];
  }

  queryValues(name: string): readonly string[] {
    return queryValues(this.query, name);
  }

  metadata(): Readonly<Record<string, string>> {
    return queryMetadata(this.query);
  }

  body(): Promise<Buffer> {
    return readBody(this.request, this.#maxBodySize);
  }

  bodyStream(): AsyncIterable<Buffer> {
    return streamBody(this.request, this.#maxBodySize);
  }

  signal(): AbortSignal {
    if (this.#abort === undefined) {
      const controller = new AbortController();
      this.#abort = controller;
      const { response } = this;
      if (response.destroyed && !response.writableFinished) controller.abort(new ClientGone());
      else {
        response.on('close', () => {
          if (!response.writableFinished) controller.abort(new ClientGone());
        });
      }
    }
    return this.#abort.signal;
  }
}

/** The reason of a signal that aborts because nobody waits for the answer any more. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';

  constructor() {
    super('the client closed the connection');
  }
}
