import {
  type ComponentDefinition,
  type ComponentKind,
  type ComponentKinds,
  type Fields,
  type Logger,
  parseMetadata,
  silentLogger,
} from '@outrigger/core';

export interface OpenOptions {
  /** What would be the resource's `metadata.name`. Default `test`. */
  readonly name?: string;
  /** Default `app`. */
  readonly appId?: string;
  /** Default none. */
  readonly namespace?: string;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  /** Aborts the start. Default: never. */
  readonly signal?: AbortSignal;
}

/**
 * Makes an instance from its definition, as the runtime makes it from YAML; `properties` are the metadata fields as texts. The
 * test disposes it. Rejects with what `create` rejects with, and with an Error where a field is wrong or, stricter than the
 * runtime, unknown.
 *
 * @example
 * await using store = await openComponent(definition, { path: newFile() });
 */
export async function openComponent<K extends ComponentKind, F extends Fields>(
  definition: ComponentDefinition<K, F>,
  properties: Readonly<Record<string, string>>,
  options: OpenOptions = {},
): Promise<ComponentKinds[K]> {
  const { name = 'test', appId = 'app', namespace = '', logger = silentLogger } = options;
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  const wrong = [
    ...problems.map(({ field, message }) => `${field} ${message}`),
    ...unknown.map(({ field }) => `${field} is unknown`),
  ];
  if (wrong.length > 0) throw new Error(`metadata of ${definition.type}: ${wrong.join('; ')}`);
  const { signal = new AbortController().signal } = options;
  return definition.create({ name, metadata: values, properties, appId, namespace, logger, signal });
}
