import type { FieldReader } from './field-reader.ts';
import type { NamedValue, Resource, ValueSource } from './resource.ts';

/** What all kinds have around their `spec`. */
export interface Envelope extends Resource {
  readonly kind: string;
  /** `v1alpha1` */
  readonly apiVersion: string;
  /** Apps that may use the resource; empty: all. */
  readonly scopes: readonly string[];
  /** Empty when none is given. */
  readonly secretStore: string;
  readonly root: FieldReader;
}

const envelopeFields = ['apiVersion', 'kind', 'metadata', 'spec', 'scopes', 'auth'];

/** Reads the `spec`, and reports unknown fields in it and beside it. */
export function readSpec<T>(envelope: Envelope, read: (spec: FieldReader) => T): T | undefined {
  const { root } = envelope;
  const spec = root.object('spec');
  if (spec === undefined) {
    if (!root.has('spec')) root.error('spec is missing');
    return undefined;
  }
  const result = read(spec);
  spec.done((name) => (envelopeFields.includes(name) ? `; ${name} belongs at the top level, beside spec` : undefined));
  return result;
}

export function header({ name, namespace, file, line }: Envelope): Resource {
  return { name, namespace, file, line };
}

/** `value`, `secretKeyRef` or `envRef`; a reference wins over a value beside it. Without any: the empty text. */
export function readValueSource(reader: FieldReader): ValueSource {
  const value = reader.valueText('value');
  const reference = reader.object('secretKeyRef');
  const envRef = reader.text('envRef');
  const secretName = reference?.requiredText('name');
  const key = reference?.text('key');
  reference?.done();
  if ([value, reference, envRef].filter((one) => one !== undefined).length > 1) {
    reader.warn(
      'has more than one of value, secretKeyRef and envRef; secretKeyRef is used before envRef, envRef before value',
    );
  }
  const { position } = reader;
  if (secretName !== undefined) return { ...position, secretKeyRef: { name: secretName, key: key || secretName } };
  return envRef === undefined ? { ...position, value: value ?? '' } : { ...position, envRef };
}

/** A list of `{name, value | secretKeyRef | envRef}`. Names are unique in any case: the last one counts, as in Dapr. */
export function readNamedValues(reader: FieldReader, field: string): NamedValue[] {
  const seen = new Map<string, NamedValue>();
  for (const entry of reader.objects(field)) {
    const name = entry.requiredText('name');
    const value = { name, ...readValueSource(entry) };
    entry.done();
    const lower = name.toLowerCase();
    if (seen.has(lower) && name !== '') entry.warn(`"${name}" stands more than once in ${field}; the last one is used`);
    seen.delete(lower);
    seen.set(lower, value);
  }
  return [...seen.values()];
}
