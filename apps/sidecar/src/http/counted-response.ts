import type { ServerResponse as NodeServerResponse } from 'node:http';

const { ServerResponse } = process.getBuiltinModule('node:http');

/** Arguments as they came: Node sorts them out. */
type Passed<R> = (this: NodeServerResponse, chunk: unknown, encoding: unknown, onDone: unknown) => R;

/** An answer that knows how many bytes its body has. */
export class CountedResponse extends ServerResponse {
  #size = 0;

  get bodySize(): number {
    return this.#size;
  }

  override write(chunk: unknown, encoding?: unknown, onDone?: unknown): boolean {
    this.#count(chunk);
    return (super.write as Passed<boolean>).call(this, chunk, encoding, onDone);
  }

  override end(chunk?: unknown, encoding?: unknown, onDone?: unknown): this {
    this.#count(chunk);
    return (super.end as Passed<this>).call(this, chunk, encoding, onDone);
  }

  #count(chunk: unknown): void {
    if (chunk instanceof Uint8Array) this.#size += chunk.byteLength;
    else if (typeof chunk === 'string') this.#size += Buffer.byteLength(chunk);
  }
}

/** Bytes of the body so far; 0 where they are not counted, as over HTTP/2. */
export function bodySize(response: NodeServerResponse): number {
  return response instanceof CountedResponse ? response.bodySize : 0;
}
