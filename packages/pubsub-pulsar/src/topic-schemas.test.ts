import { describe, expect, it } from 'vitest';
import { topicSchemas } from './topic-schemas.ts';

const order = JSON.stringify({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'note', type: ['null', 'string'], default: null },
  ],
});
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const schemaOf = async (properties: Record<string, string>) => {
  const schema = (await topicSchemas(properties)).get('orders');
  if (!schema) throw new Error('no schema');
  return schema;
};
const event = { id: '1', source: 'app', specversion: '1.0', type: 'order', datacontenttype: 'application/json' };

describe('schemas of topics', () => {
  it('a topic with a JSON schema takes any JSON, and nothing else', async () => {
    const schema = await schemaOf({ 'orders.jsonschema': order });
    expect(schema.info).toEqual({ type: 'JSON', definition: order });
    expect(Buffer.from(schema.encode(bytes('{"any":1}'), false)).toString()).toBe('{"any":1}');
    expect(() => schema.encode(bytes('{oops'), false)).toThrow(/no JSON/);
  });

  it('an event with data that fits goes through Avro and back', async () => {
    const schema = await schemaOf({ 'orders.avroschema': order });
    const encoded = schema.encode(bytes({ ...event, data: '{"id":7}', unheard: 'of' }), false);
    expect(JSON.parse(Buffer.from(schema.decode(encoded)).toString())).toEqual({
      ...event,
      data: { id: 7, note: null },
    });
  });

  it('says where an event does not fit', async () => {
    const schema = await schemaOf({ 'orders.avroschema': order });
    const encode = (data: unknown) => () => schema.encode(bytes({ ...event, data }), false);
    expect(encode({ id: 'seven' })).toThrow(/does not fit the Avro schema of topic "orders": .*data/);
    expect(encode({ id: 7, colour: 'red' })).toThrow(/does not fit/);
    expect(encode({})).toThrow(/does not fit/);
    expect(() => schema.encode(bytes({ id: 7 }), true)).toThrow(/rawschema/);
  });

  it('with rawschema the payload itself is what the schema says', async () => {
    const schema = await schemaOf({ 'orders.avroschema': order, 'orders.rawschema': 'true' });
    expect(schema.info.definition).toBe(order);
    expect(JSON.parse(Buffer.from(schema.decode(schema.encode(bytes({ id: 7 }), true))).toString())).toEqual({
      id: 7,
      note: null,
    });
    expect(() => schema.encode(bytes({ id: 'seven' }), true)).toThrow(/id: expected int, got string/);
    expect(() => schema.encode(bytes({ id: 7, ID: 7 }), true)).toThrow(/a field that the record Order does not have/);
  });

  it.each([
    ['orders.avroschema', '{"type":"recrod"}'],
    ['orders.avroschema', '{"type":"record","name":"A","fields":[{"name":"a","type":"bytes"}]}'],
    ['orders.jsonschema', 'not json'],
    ['orders.protoschema', 'message A {}'],
  ])('refuses to load with %s: %s', async (name, definition) => {
    await expect(topicSchemas({ [name]: definition })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(name),
    });
  });
});
