import type { ComponentDefinition } from './component.ts';
import type { Field } from './metadata.ts';

/**
 * A JSON Schema (draft 2020-12) for the resources of one component type, for editors and for checks outside the runtime.
 * Made from the same definition that validates at load.
 */
export function metadataJsonSchema(
  definition: Pick<ComponentDefinition, 'type' | 'version' | 'description' | 'metadata'>,
): object {
  const fields = Object.entries(definition.metadata);
  const required = fields.filter(([, schema]) => schema.required);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `${definition.type}/${definition.version}`,
    ...(definition.description === undefined ? {} : { description: definition.description }),
    type: 'object',
    properties: Object.fromEntries<object>(
      fields.flatMap(([name, schema]) => [
        [name, property(schema)] as const,
        ...(schema.aliases ?? []).map(
          (alias) => [alias, { ...property(schema), title: `Another name for ${name}` }] as const,
        ),
      ]),
    ),
    ...(required.length === 0 ? {} : { allOf: required.map(presence) }),
  };
}

/** A required field may also stand under an alias, so each is a condition of its own. */
function presence([name, { aliases = [] }]: readonly [string, Field<unknown>]): object {
  return aliases.length === 0
    ? { required: [name] }
    : { anyOf: [name, ...aliases].map((known) => ({ required: [known] })) };
}

function property(schema: Field<unknown>): object {
  return {
    ...schema.jsonSchema,
    description: schema.description,
    ...(schema.default === undefined ? {} : { default: yamlOf(schema.default, schema) }),
    ...(schema.secret ? { writeOnly: true } : {}),
    ...(schema.example === undefined ? {} : { examples: [schema.example] }),
  };
}

/** As the value would stand in YAML; a duration of 5000 in milliseconds is `5s` there. */
function yamlOf(value: unknown, schema: Field<unknown>): unknown {
  return typeof value === 'string' || typeof value === 'boolean' ? value : schema.show(value);
}
