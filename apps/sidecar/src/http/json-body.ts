import type { RequestMetadata } from '@outrigger/core';

/** Turns a reason into the error that answers a body of the wrong shape. */
export type Refuse = (reason: string) => Error;

/** The body as a value. */
export function parseBody(body: Buffer, refuse: Refuse): unknown {
  if (body.length === 0) throw refuse('the body is empty');
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw refuse((error as Error).message);
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asText(value: unknown, what: string, refuse: Refuse): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'string') throw refuse(`${what} must be a string`);
  return value;
}

export function asObject(value: unknown, what: string, refuse: Refuse): Readonly<Record<string, unknown>> | undefined {
  if (value === null || value === undefined) return undefined;
  if (!isObject(value)) throw refuse(`${what} must be an object`);
  return value;
}

export function asArray(value: unknown, what: string, refuse: Refuse): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw refuse(`${what} must be an array`);
  return value;
}

export function asMetadata(value: unknown, what: string, refuse: Refuse): RequestMetadata | undefined {
  const metadata = asObject(value, what, refuse);
  if (metadata === undefined) return undefined;
  for (const name in metadata) {
    if (typeof metadata[name] !== 'string') throw refuse(`${what}.${name} must be a string`);
  }
  return metadata as RequestMetadata;
}

/**
 * An object by its names in lower case. One that holds a name twice in different case is refused: which of them counts would be
 * one thing here and another where values are found in the text.
 */
export function lowerCased(value: unknown, refuse: Refuse): Record<string, unknown> {
  if (value === null) return {};
  if (!isObject(value)) throw refuse('the body must be a JSON object');
  const members = new Map<string, unknown>();
  for (const [name, member] of Object.entries(value)) {
    const lower = name.toLowerCase();
    if (members.has(lower)) throw refuse(`"${lower}" is there twice`);
    members.set(lower, member);
  }
  return Object.fromEntries(members);
}
