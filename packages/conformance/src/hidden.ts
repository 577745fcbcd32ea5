import { inspect } from 'node:util';
import { expect } from 'vitest';

/** What a log, a debugger or a crash report makes of a thing. */
export function viewsOf(thing: unknown): string[] {
  const views = [inspect(thing, { depth: 10, maxStringLength: null, maxArrayLength: null }), String(thing)];
  try {
    views.push(JSON.stringify(thing) ?? '');
  } catch {
    // what refers to itself has no JSON
  }
  if (thing instanceof Error) views.push(thing.message, thing.stack ?? '');
  return views;
}

/** Fails when one of the texts stands in one of the views by itself, and does not show it then. */
export function expectHidden(texts: readonly string[], views: readonly string[]): void {
  const shown = texts.filter((text) => views.some((view) => standsIn(view, text)));
  expect(shown.length, `secrets that are shown, of ${texts.length} that must not be`).toBe(0);
}

function standsIn(view: string, text: string): boolean {
  const isLetter = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}]/u.test(character);
  for (let at = view.indexOf(text); at >= 0; at = view.indexOf(text, at + 1)) {
    if (!isLetter(view[at - 1]) && !isLetter(view[at + text.length])) return true;
  }
  return false;
}
