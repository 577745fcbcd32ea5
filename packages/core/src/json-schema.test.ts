import { expect, it } from 'vitest';
import { metadataJsonSchema } from './json-schema.ts';
import { field } from './metadata.ts';

it('describes the metadata of a component type for editors', () => {
  const schema = metadataJsonSchema({
    type: 'state.example',
    version: 'v1',
    description: 'An example',
    metadata: {
      host: field.text({ description: 'Where it is', required: true, aliases: ['url'], example: 'localhost:1' }),
      password: field.text({ description: 'A password', required: true, secret: true }),
      timeout: field.duration({ description: 'How long to wait', default: 5000 }),
      retries: field.integer({ description: 'How often', default: 3 }),
      tls: field.flag({ description: 'Whether to encrypt', default: false }),
      mode: field.oneOf(['fast', 'safe'], { description: 'How', default: 'safe' }),
      topics: field.list({ description: 'Which', default: ['a', 'b'] }),
    },
  });
  expect(schema).toEqual({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'state.example/v1',
    description: 'An example',
    type: 'object',
    properties: {
      host: { type: ['string', 'number', 'boolean'], description: 'Where it is', examples: ['localhost:1'] },
      url: {
        title: 'Another name for host',
        type: ['string', 'number', 'boolean'],
        description: 'Where it is',
        examples: ['localhost:1'],
      },
      password: { type: ['string', 'number', 'boolean'], description: 'A password', writeOnly: true },
      timeout: { type: ['string', 'number'], description: 'How long to wait', default: '5s' },
      retries: { type: ['integer', 'string'], description: 'How often', default: '3' },
      tls: { type: ['boolean', 'string'], description: 'Whether to encrypt', default: false },
      mode: { enum: ['fast', 'safe'], description: 'How', default: 'safe' },
      topics: { type: ['string', 'number', 'boolean'], description: 'Which', default: 'a,b' },
    },
    allOf: [{ anyOf: [{ required: ['host'] }, { required: ['url'] }] }, { required: ['password'] }],
  });
});

it('demands nothing of a component without required fields', () => {
  const schema = metadataJsonSchema({ type: 'state.none', version: 'v1', metadata: {} });
  expect(schema).toEqual({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'state.none/v1',
    type: 'object',
    properties: {},
  });
});
