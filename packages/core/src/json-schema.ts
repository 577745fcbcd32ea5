import { type ComponentDefinition } from './component.ts';
import { type Fields } from './metadata.ts';

/**
 * A JSON Schema (draft 2020-12) for the resources of one component type, for editors and for checks outside the runtime.
 * Made from the same definition that validates at load.
 */
export function metadataJsonSchema(definition: Pick<ComponentDefinition, 'type' | 'version' | 'description' | 'metadata'>): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `${definition.type}/${definition.version}`,
    ...(definition.description === undefined ? {} : { description: definition.description }),
    type: 'object',
    properties: properties(definition.metadata),
    required: Object.entries(definition.metadata)
      .filter(([, schema]) => schema.required)
      .map(([name]) => name),
  };
}

function properties(fields: Fields): Record<string, object> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, schema]) => [
      name,
      {
        ...schema.jsonSchema,
        description: schema.description,
        ...(schema.default === undefined ? {} : { default: schema.default }),
        ...(schema.secret ? { writeOnly: true } : {}),
        ...(schema.example === undefined ? {} : { examples: [schema.example] }),
      },
    ]),
  );
}
