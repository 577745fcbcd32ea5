import {
  type BindingEventHandler,
  type BindingRequest,
  type BindingResponse,
  type Bindings,
  ComponentError,
  errorMessage,
  type Logger,
  type Subscription,
} from '@outrigger/core';
import { asBuffer } from '@outrigger/grpc';
import {
  InputBindingDefinition,
  OutputBindingDefinition,
  type ReadRequest,
  type ReadResponse,
} from '@outrigger/protocol/components';

import type { ComponentSocket } from './component-socket.ts';
import { RemoteStream } from './remote-stream.ts';

/** Dapr's runtime handles any number of events of a binding at a time. */
const eventsAtATime = 100;

/** An input binding, an output binding or both, in another process. */
export class RemoteBindings implements Bindings {
  readonly operations: readonly string[];
  readonly invoke?: Bindings['invoke'] & {};
  readonly read?: Bindings['read'] & {};
  readonly #socket: ComponentSocket;
  readonly #logger: Logger;
  readonly #streams = new Set<RemoteStream<ReadRequest, ReadResponse>>();

  /** @param operations `undefined`: it is no output */
  constructor(socket: ComponentSocket, operations: readonly string[] | undefined, isInput: boolean, logger: Logger) {
    this.#socket = socket;
    this.#logger = logger;
    this.operations = operations ?? [];
    if (operations !== undefined) this.invoke = (...request) => this.#invoke(...request);
    if (isInput) this.read = (...request) => this.#read(...request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#socket[Symbol.asyncDispose]();
    await Promise.all([...this.#streams].map((stream) => stream[Symbol.asyncDispose]()));
    await closing;
  }

  async #invoke({ operation, data, metadata }: BindingRequest, signal: AbortSignal): Promise<BindingResponse> {
    signal.throwIfAborted();
    if (!this.#socket.isClosed && !this.operations.includes(operation)) {
      const known = this.operations.join(', ');
      throw new ComponentError('unsupported', `the binding has no operation "${operation}", but ${known || 'none'}`);
    }
    const { fullName: service, methods } = OutputBindingDefinition;
    const request = { operation, data: asBuffer(data), metadata: { ...metadata } };
    const answer = await this.#socket.call({ service, method: methods.invoke }, request, signal);
    return {
      ...(answer.data.byteLength > 0 && { data: answer.data }),
      ...(answer.contentType !== '' && { contentType: answer.contentType }),
      metadata: answer.metadata,
    };
  }

  async #read(handler: BindingEventHandler, signal: AbortSignal): Promise<Subscription> {
    const { fullName: service, methods } = InputBindingDefinition;
    const stream = await RemoteStream.open<ReadRequest, ReadResponse>(
      {
        socket: this.#socket,
        target: { service, method: methods.read },
        what: 'events',
        concurrency: eventsAtATime,
        handle: (event, gone) => answerTo(event, handler, gone),
        onEnd: (ended) => this.#streams.delete(ended),
        logger: this.#logger,
      },
      signal,
    );
    this.#streams.add(stream);
    return stream;
  }
}

async function answerTo(
  { data, contentType, metadata, messageId }: ReadResponse,
  handler: BindingEventHandler,
  signal: AbortSignal,
): Promise<ReadRequest> {
  try {
    const answer = await handler({ data, metadata, ...(contentType !== '' && { contentType }) }, signal);
    return { messageId, responseData: asBuffer(answer.data ?? new Uint8Array()) };
  } catch (error) {
    return { messageId, responseData: Buffer.alloc(0), responseError: { message: errorMessage(error) } };
  }
}
