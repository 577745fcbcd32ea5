/** Bytes in front of each message: whether it is compressed, and its length. */
const prefixSize = 5;
/** Messages up to this size are copied behind their prefix: cheaper than a write of its own. */
export const copiedSize: number = 16 * 1024;
/** What a message that waits to be read takes beside its bytes; empty ones would be free otherwise. */
export const messageOverhead = 64;

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

/** The message, when a piece holds exactly one that is not compressed and within the limit. */
export function wholeMessage(piece: Buffer, maxSize: number): Buffer | undefined {
  const length = piece.byteLength - prefixSize;
  if (length < 0 || length > maxSize || piece[0] !== 0 || piece.readUInt32BE(1) !== length) return undefined;
  return piece.subarray(prefixSize);
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

/** Space for a message whose length is not known, or is only claimed so far. */
const firstCapacity = 16 * 1024;

/**
 * Finds the messages in the bytes of a stream, however they were cut. Messages that came in one piece are not copied; what is kept of
 * others takes at most twice the bytes that have come, whatever length the other side claims and however small its pieces are.
 */
export class MessageReader {
  readonly #maxSize: number;
  readonly #takesCompressed: boolean;
  /** The beginning of a message that is not whole yet, prefix included. */
  #partial: Buffer | undefined;
  #filled = 0;
  /** Bytes of that message with its prefix; 0: not known yet. */
  #total = 0;

  /**
   * @param maxSize bytes of the longest message to take; Infinity: no limit
   * @param takesCompressed whether the other side has named an encoding; compressed messages are an error otherwise
   */
  constructor(maxSize: number, takesCompressed = false) {
    this.#maxSize = maxSize;
    this.#takesCompressed = takesCompressed;
  }

  /** Whether the stream may end here: no message has begun. */
  get isBetweenMessages(): boolean {
    return this.#partial === undefined;
  }

  /** Hands each message that is complete with this piece to `take`. Throws a {@link FrameError}; the rest is lost then. */
  push(piece: Buffer, take: (message: Buffer, isCompressed: boolean) => void): void {
    let start = 0;
    while (this.#partial !== undefined) {
      start = this.#fill(this.#partial, piece, start);
      if (this.#total === 0 && this.#filled === prefixSize) {
        this.#total = prefixSize + this.#lengthIn(this.#partial, 0);
      }
      if (this.#filled === this.#total) {
        const whole = this.#partial;
        this.#partial = undefined;
        take(whole.subarray(prefixSize, this.#total), whole[0] === 1);
      } else if (start === piece.byteLength) return;
    }
    while (piece.byteLength - start >= prefixSize) {
      const end = start + prefixSize + this.#lengthIn(piece, start);
      if (end > piece.byteLength) break;
      take(piece.subarray(start + prefixSize, end), piece[start] === 1);
      start = end;
    }
    if (start < piece.byteLength) this.#begin(piece, start);
  }

  #begin(piece: Buffer, start: number): void {
    const rest = piece.byteLength - start;
    this.#total = rest < prefixSize ? 0 : prefixSize + this.#lengthIn(piece, start);
    this.#partial = Buffer.allocUnsafe(this.#capacity(rest));
    this.#filled = piece.copy(this.#partial, 0, start);
  }

  /** Copies what belongs to the message, or to its prefix while its length is unknown; the index behind it. */
  #fill(partial: Buffer, piece: Buffer, start: number): number {
    const wanted = (this.#total === 0 ? prefixSize : this.#total) - this.#filled;
    const end = Math.min(piece.byteLength, start + wanted);
    const filled = this.#filled + end - start;
    let target = partial;
    if (filled > target.byteLength) {
      target = Buffer.allocUnsafe(this.#capacity(filled));
      partial.copy(target, 0, 0, this.#filled);
      this.#partial = target;
    }
    piece.copy(target, this.#filled, start, end);
    this.#filled = filled;
    return end;
  }

  #capacity(filled: number): number {
    if (this.#total === 0) return prefixSize;
    return Math.min(this.#total, Math.max(2 * filled, firstCapacity));
  }

  #lengthIn(bytes: Buffer, start: number): number {
    const flag = bytes[start] ?? 0;
    if (flag > 1)
      throw new FrameError(`grpc: the prefix of a message has the flags ${flag}, which nobody knows`, false);
    if (flag === 1 && !this.#takesCompressed) {
      throw new FrameError('grpc: a message is compressed although no encoding was agreed on', false);
    }
    const length = bytes.readUInt32BE(start + 1);
    if (length > this.#maxSize) {
      throw new FrameError(`grpc: received message larger than max (${length} vs. ${this.#maxSize})`, true);
    }
    return length;
  }
}
