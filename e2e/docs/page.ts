import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A fenced block of a page, with what the page says of it. */
export interface Block {
  /** Line of the page on which its text begins, from 1. */
  readonly line: number;
  readonly language: string;
  /** Without the indentation of its fence. */
  readonly text: string;
  /** The file that the line before the block names, as in "`app.js`:". */
  readonly file: string | undefined;
  /** What `<!-- test: … -->` comments before the block say. */
  readonly notes: readonly string[];
}

export interface Page {
  /** Below the repository. */
  readonly path: string;
  /** In their order; a text is a note that stands for itself: `Ctrl-C`, `packages are packed`, `page needs …`, `in …`. */
  readonly items: readonly (Block | string)[];
}

const standing = /^(Ctrl-C|packages are packed|page needs \S+|in \S+)$/;

export function readPage(root: string, path: string): Page {
  return { path, items: itemsOf(readFileSync(join(root, path), 'utf8'), path) };
}

/** Throws for a fence that is not closed, for code that is indented instead of fenced, and for a note that belongs to no block. */
export function itemsOf(markdown: string, path: string): (Block | string)[] {
  const lines = markdown.split('\n');
  const items: (Block | string)[] = [];
  let notes: string[] = [];
  let before = '';
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const place = `${path}:${at + 1}`;
    const fence = /^( *)(`{3,}) *(\S*)/.exec(line);
    const note = /^\s*<!-- test: (.*?) -->$/.exec(line)?.[1];
    if (fence) {
      const [, indent = '', ticks = '', language = ''] = fence;
      const end = lines.findIndex((other, index) => index > at && other.trim() === ticks);
      if (end === -1) throw new Error(`${place}: the block has no end`);
      const text = lines
        .slice(at + 1, end)
        .map((one) => (one.startsWith(indent) ? one.slice(indent.length) : one.trimStart()))
        .join('\n');
      const file = /`([\w./-]+\.\w+)`[^`]*:$/.exec(before)?.[1];
      items.push({ line: at + 2, language, text, file: isShown(language) ? undefined : file, notes });
      notes = [];
      before = '';
      at = end;
    } else if (note !== undefined) {
      if (standing.test(note)) items.push(note);
      else notes.push(note);
    } else if (line.trim() !== '') {
      if (notes.length > 0) throw new Error(`${place}: "test: ${notes.join()}" is not followed by a block`);
      if (/^ {4}/.test(line) && (lines[at - 1] ?? '').trim() === '' && !isInList(lines, at)) {
        throw new Error(`${place}: code has a fence and a language, so that it is run`);
      }
      before = line.trim();
    }
  }
  return items;
}

/** What a terminal has or shows, which is no file. */
function isShown(language: string): boolean {
  return ['sh', 'text', ''].includes(language);
}

function isInList(lines: readonly string[], at: number): boolean {
  const above = lines.slice(0, at).findLast((line) => /^\S/.test(line)) ?? '';
  return /^(\d+\.|[-*]) /.test(above);
}
