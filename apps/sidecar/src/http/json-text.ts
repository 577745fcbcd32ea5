/** Where something stands in a buffer: from `start` up to, not including, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Finds values in JSON text without decoding them, so that they can be passed on as the bytes they came as. The text must
 * be valid: whoever calls has had it parsed. Every method takes the place where a value starts, and throws when the text ends
 * before the value does.
 */
export class JsonText {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The one value of the text. */
  get root(): number {
    return this.#skipBlanks(0);
  }

  /** Where the elements of the array at `at` start. */
  elements(at: number): number[] {
    const starts: number[] = [];
    let next = this.#skipBlanks(at + 1);
    while (this.#byteAt(next) !== closeBracket) {
      starts.push(next);
      next = this.#skipBlanks(this.end(next));
      if (this.#bytes[next] === comma) next = this.#skipBlanks(next + 1);
    }
    return starts;
  }

  /** Where a member's value stands in the object at `at`. The name counts in any case; of several the last wins. */
  member(at: number, name: string): Span | undefined {
    return this.#member(at, (start, end) => this.#isName(start, end, name));
  }

  /** As {@link JsonText.member}, for names in which case matters. */
  memberExactly(at: number, name: string): Span | undefined {
    return this.#member(at, (start, end) => this.#isName(start, end, name) && this.#text(start, end) === name);
  }

  #member(at: number, isName: (start: number, end: number) => boolean): Span | undefined {
    let found: Span | undefined;
    let next = this.#skipBlanks(at + 1);
    while (this.#byteAt(next) !== closeBrace) {
      const nameEnd = this.end(next);
      const matches = isName(next, nameEnd);
      next = this.#skipBlanks(nameEnd);
      if (this.#bytes[next] === colon) next = this.#skipBlanks(next + 1);
      const end = this.end(next);
      if (matches) found = { start: next, end };
      next = this.#skipBlanks(end);
      if (this.#bytes[next] === comma) next = this.#skipBlanks(next + 1);
    }
    return found;
  }

  /** Where the value at `at` ends. */
  end(at: number): number {
    const first = this.#bytes[at];
    if (first === quote) return this.#stringEnd(at);
    if (first === openBrace || first === openBracket) return this.#nestedEnd(at);
    let end = at;
    while (end < this.#bytes.length && !isDelimiter(this.#bytes[end])) end++;
    return end;
  }

  #stringEnd(at: number): number {
    let next = at + 1;
    while (this.#byteAt(next) !== quote) next += this.#bytes[next] === backslash ? 2 : 1;
    return next + 1;
  }

  #nestedEnd(at: number): number {
    let depth = 0;
    for (let next = at; ;) {
      const byte = this.#byteAt(next);
      if (byte === quote) {
        next = this.#stringEnd(next);
        continue;
      }
      next++;
      if (byte === openBrace || byte === openBracket) depth++;
      else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return next;
    }
  }

  /** Without it a mistake about where a value starts would be a loop without an end. */
  #byteAt(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw new RangeError('the JSON text ends in the middle of a value');
    return byte;
  }

  #skipBlanks(at: number): number {
    let next = at;
    while (isBlank(this.#bytes[next])) next++;
    return next;
  }

  #isName(start: number, end: number, name: string): boolean {
    const bytes = this.#bytes;
    if (end - start === name.length + 2) {
      let index = 0;
      while (index < name.length && ((bytes[start + 1 + index] ?? 0) | 0x20) === name.charCodeAt(index)) index++;
      if (index === name.length) return true;
    }
    // a name may be written with escapes
    if (end - start <= name.length + 2 || !bytes.subarray(start, end).includes(backslash)) return false;
    return this.#text(start, end).toLowerCase() === name;
  }

  #text(start: number, end: number): string {
    const { buffer, byteOffset } = this.#bytes;
    return JSON.parse(Buffer.from(buffer, byteOffset + start, end - start).toString()) as string;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isDelimiter(byte: number | undefined): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || isBlank(byte);
}
