import { randomUUID } from 'node:crypto';

/** A topic or consumer id that no other case has. */
export function unique(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

export function texts(count: number, prefix = 'message'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);
}

export function missing(expected: readonly string[], actual: readonly string[]): string[] {
  const there = new Set(actual);
  return expected.filter((text) => !there.has(text));
}

/** Each once, where it first stands. */
export function firsts(all: readonly string[]): string[] {
  return [...new Set(all)];
}

/** Sorts what {@link texts} has made the way it was made. */
export function byNumber(one: string, other: string): number {
  return Number(one.split('-').at(-1)) - Number(other.split('-').at(-1));
}
