import { ComponentError, errorMessage } from '@outrigger/core';
import { type AvroCodec, avroCodec } from './avro-codec.ts';
import { envelopeSchema, withObjectAsData, withoutNulls } from './cloud-event-schema.ts';
import type { TopicSchemaInfo } from './transport.ts';

/** What the schema of a topic does to its payloads. */
export interface TopicSchema {
  readonly info: TopicSchemaInfo;
  /** Throws a ComponentError when the payload does not fit. */
  encode(data: Uint8Array, isRaw: boolean): Uint8Array;
  decode(data: Uint8Array): Uint8Array;
}

const suffixes = { jsonschema: 'JSON', avroschema: 'AVRO', protoschema: undefined } as const;

/**
 * The schemas in a component's properties: `<topic>.jsonschema` and `<topic>.avroschema` hold a definition in Avro's notation,
 * `<topic>.rawschema` set to true says that the payloads of an Avro topic stand alone, outside of CloudEvents.
 */
export async function topicSchemas(
  properties: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, TopicSchema>> {
  const schemas = new Map<string, TopicSchema>();
  for (const [name, definition] of Object.entries(properties)) {
    const [, topic, suffix] = /^(.+)\.(jsonschema|avroschema|protoschema)$/.exec(name) ?? [];
    if (topic === undefined) continue;
    const type = suffixes[suffix as keyof typeof suffixes];
    if (type === undefined)
      throw new ComponentError('invalid-argument', `${name}: Protocol Buffers schemas are not supported`);
    try {
      const isRaw = /^true$/i.test(properties[`${topic}.rawschema`] ?? '');
      schemas.set(topic, type === 'JSON' ? jsonSchema(definition) : await avroSchema(topic, definition, isRaw));
    } catch (error) {
      throw new ComponentError('invalid-argument', `${name} is no schema in Avro's notation: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }
  return schemas;
}

// As in Dapr, the payload must be JSON; what stands in it is not looked at.
function jsonSchema(definition: string): TopicSchema {
  JSON.parse(definition);
  return {
    info: { type: 'JSON', definition },
    encode: (data) => {
      parse(data);
      return data;
    },
    decode: (data) => data,
  };
}

async function avroSchema(topic: string, inner: string, isRawTopic: boolean): Promise<TopicSchema> {
  const definition = isRawTopic ? inner : envelopeSchema(inner);
  const codec = await avroCodec(definition);
  return {
    info: { type: 'AVRO', definition },
    encode: (data, isRaw) => {
      if (isRaw && !isRawTopic) {
        throw new ComponentError(
          'invalid-argument',
          `topic "${topic}" has an Avro schema for CloudEvents: publish without rawPayload, or set ${topic}.rawschema to true`,
        );
      }
      const value = parse(data);
      return encodeAvro(topic, codec, isRawTopic ? value : withObjectAsData(value));
    },
    decode: (data) => {
      const value = codec.decode(data);
      return Buffer.from(JSON.stringify(isRawTopic ? value : withoutNulls(value)));
    },
  };
}

function encodeAvro(topic: string, codec: AvroCodec, value: unknown): Uint8Array {
  try {
    return codec.encode(value);
  } catch (error) {
    throw new ComponentError(
      'invalid-argument',
      `the message does not fit the Avro schema of topic "${topic}": ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
}

function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
  } catch (error) {
    throw new ComponentError('invalid-argument', 'the topic has a schema, and the message is no JSON', {
      cause: error,
    });
  }
}
