import { malformedBody } from '@outrigger/runtime';

import { isObject, parseBody } from './json-body.ts';

/**
 * A message in the JSON form of protocol buffers: an empty body is the empty message, unknown fields are left out, fields go
 * by their lowerCamelCase name or by the one in the .proto file, and an absent or null field has its default. What is not so
 * throws 400 `ERR_MALFORMED_REQUEST`.
 */
export class ProtoJson {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(body: Buffer) {
    const value = body.length === 0 ? {} : parseBody(body, malformedBody);
    if (!isObject(value)) throw malformedBody('expected a JSON object');
    this.#fields = value;
  }

  /** Default: the empty text. */
  text(name: string): string {
    const value = this.#field(name) ?? '';
    if (typeof value !== 'string') throw malformedBody(`invalid value for string field ${name}`);
    return value;
  }

  /** A number or a text that is one. Default: 0. */
  int32(name: string): number {
    const value = this.#field(name) ?? 0;
    const isNumber =
      typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value));
    if (!isNumber || Number(value) !== (Number(value) | 0)) {
      throw malformedBody(`invalid value for int32 field ${name}: ${JSON.stringify(value)}`);
    }
    return Number(value);
  }

  #field(name: string): unknown {
    const inProtoFile = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    for (const candidate of [name, inProtoFile]) {
      if (Object.hasOwn(this.#fields, candidate)) return this.#fields[candidate];
    }
    return undefined;
  }
}
