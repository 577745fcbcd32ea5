import type { ServerResponse as NodeServerResponse } from 'node:http';

const { ServerResponse } = process.getBuiltinModule('node:http');

/** An answer that knows how many bytes its body has. */
export class CountedResponse extends ServerResponse {
  #size = 0;

  get bodySize(): number {
    return this.#size;
  }

  override write(chunk: unknown, ...rest: readonly unknown[]): boolean {
    this.#count(chunk);
    return (super.write as (...all: readonly unknown[]) => boolean).call(this, chunk, ...rest);
  }

  override end(...all: readonly unknown[]): this {
    this.#count(all[0]);
    return (super.end as (...all: readonly unknown[]) => this).call(this, ...all);
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
