/** Bytes in front of each message: whether it is compressed, and its length. */
const prefixSize = 5;
/** Messages up to this size are copied behind their prefix: cheaper than a write of its own. */
export const copiedSize: number = 16 * 1024;

/** A message as it goes over a gRPC stream: behind a prefix that tells its length. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(prefixSize + message.byteLength);
  writePrefix(framed, message.byteLength);
  framed.set(message, prefixSize);
  return framed;
}

/** The prefix of a message that is sent on its own behind it. */
export function framePrefix(length: number): Buffer {
  const prefix = Buffer.allocUnsafe(prefixSize);
  writePrefix(prefix, length);
  return prefix;
}

function writePrefix(target: Buffer, length: number): void {
  target[0] = 0;
  target.writeUInt32BE(length, 1);
}

/** The bytes of a stream cannot be read as messages, or not within the limit. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly isTooLong: boolean;

  constructor(message: string, isTooLong: boolean) {
    super(message);
    this.isTooLong = isTooLong;
  }
}

/** Finds the messages in the bytes of a stream, however they were cut. Messages that came in one piece are not copied. */
export class MessageReader {
  readonly #maxSize: number;
  readonly #pieces: Buffer[] = [];
  #buffered = 0;

  /** @param maxSize bytes of the longest message to take; Infinity: no limit */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** Whether the stream may end here: no message has begun. */
  get isBetweenMessages(): boolean {
    return this.#buffered === 0;
  }

  /** Hands each message that is complete with this piece to `take`. Throws a {@link FrameError}; the rest is lost then. */
  push(piece: Buffer, take: (message: Buffer) => void): void {
    let bytes = piece;
    if (this.#buffered > 0) {
      this.#pieces.push(piece);
      this.#buffered += piece.byteLength;
      if (this.#buffered < prefixSize) return;
      const [first] = this.#pieces as [Buffer];
      if (first.byteLength < prefixSize) this.#join();
      const [head] = this.#pieces as [Buffer];
      if (this.#buffered < prefixSize + this.#lengthIn(head, 0)) return;
      bytes = this.#join();
      this.#pieces.length = 0;
      this.#buffered = 0;
    }
    let start = 0;
    while (bytes.byteLength - start >= prefixSize) {
      const end = start + prefixSize + this.#lengthIn(bytes, start);
      if (end > bytes.byteLength) break;
      take(bytes.subarray(start + prefixSize, end));
      start = end;
    }
    if (start === bytes.byteLength) return;
    this.#pieces.push(bytes.subarray(start));
    this.#buffered = bytes.byteLength - start;
  }

  #join(): Buffer {
    const joined = Buffer.concat(this.#pieces, this.#buffered);
    this.#pieces.splice(0, this.#pieces.length, joined);
    return joined;
  }

  #lengthIn(bytes: Buffer, start: number): number {
    if (bytes[start] !== 0) throw new FrameError('grpc: a compressed message came although none was asked for', false);
    const length = bytes.readUInt32BE(start + 1);
    if (length > this.#maxSize) {
      throw new FrameError(`grpc: received message larger than max (${length} vs. ${this.#maxSize})`, true);
    }
    return length;
  }
}
