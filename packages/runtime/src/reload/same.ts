/** Whether both say the same, wherever they stand in their files. */
export function isSame(one: unknown, other: unknown): boolean {
  return withoutPlaces(one) === withoutPlaces(other);
}

/** A resource as text, without its places in files. */
export function withoutPlaces(resource: unknown): string {
  return (
    JSON.stringify(resource, function (this: unknown, key, value: unknown) {
      if (value instanceof Map) return [...value];
      const isPosition = key === 'line' && typeof value === 'number';
      // a `file` beside a line is a place, too; one in somebody's metadata is not
      const isFile = key === 'file' && typeof (this as { line?: unknown }).line === 'number';
      return isPosition || isFile ? undefined : value;
    }) ?? ''
  );
}
