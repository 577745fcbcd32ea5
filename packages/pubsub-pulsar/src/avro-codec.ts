import type { Schema, Type } from 'avsc';

export interface AvroCodec {
  /** From a JSON value; throws when it does not fit, or has a field that the schema does not know. */
  encode(value: unknown): Uint8Array;
  decode(data: Uint8Array): unknown;
}

/** Throws when the definition is no schema of Avro, or holds `bytes` or `fixed`, for which JSON has no form of its own. */
export async function avroCodec(definition: string): Promise<AvroCodec> {
  const { default: avro } = await import('avsc');
  const type = avro.Type.forSchema(JSON.parse(definition) as Schema, {
    wrapUnions: 'never',
    typeHook: (schema): Type | undefined => {
      const name = typeof schema === 'object' && 'type' in schema ? schema.type : schema;
      if (name === 'bytes' || name === 'fixed') throw new Error(`the type ${name} is not supported`);
      return undefined; // go on with the type itself
    },
  });
  return {
    encode: (value) => {
      const wrong: string[] = [];
      const errorHook = (path: string[], found: unknown, expected: Type) => {
        const place = path.length > 0 ? `${path.join('.')}: ` : '';
        wrong.push(`${place}${mismatch(found, expected)}`);
      };
      if (!type.isValid(value, { noUndeclaredFields: true, errorHook })) throw new Error(wrong.slice(0, 5).join('; '));
      return type.toBuffer(value);
    },
    decode: (data) => type.fromBuffer(Buffer.from(data.buffer, data.byteOffset, data.byteLength)) as unknown,
  };
}

function mismatch(found: unknown, expected: Type): string {
  // of an object only its undeclared fields are told at its own place
  if (expected.typeName === 'record' && typeof found === 'object' && found !== null) {
    return `a field that the record ${expected.branchName ?? ''} does not have`;
  }
  return `expected ${expected.branchName ?? expected.typeName}, got ${found === undefined ? 'nothing' : typeof found}`;
}
