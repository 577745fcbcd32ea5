import { ComponentError } from '@outrigger/core';
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';

/** One value of a secrets file and where it stands: the names that lead to it, outermost first; array elements by index. */
export interface Entry {
  readonly names: readonly string[];
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/**
 * The values of a JSON object, flattened. Texts come as they are; numbers and booleans as they are written; null is an empty
 * text. Throws `invalid-argument` naming line and column, never the content (which is why JSON.parse will not do: it quotes it).
 */
export function parseJsonText(text: string, path: string): readonly Entry[] {
  const errors: ParseError[] = [];
  const lineAt = lineCounter(text);
  const root = parseTree(text, errors, { disallowComments: true });
  const [first] = errors;
  if (first) {
    const reason = printParseErrorCode(first.error)
      .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase();
    throw new ComponentError(
      'invalid-argument',
      `${path}:${lineAt(first.offset)}:${columnAt(text, first.offset)}: this is not JSON: ${reason}`,
    );
  }
  if (root?.type !== 'object') {
    throw new ComponentError(
      'invalid-argument',
      `${path}:1: a secrets file holds one JSON object, { "name": "value", … }`,
    );
  }
  return [...entriesOf(root, [])];

  function* entriesOf(node: Node, names: readonly string[]): Generator<Entry> {
    if (node.type === 'object') {
      for (const property of node.children ?? []) {
        const [key, value] = property.children ?? [];
        if (key && value) yield* entriesOf(value, [...names, String(key.value)]);
      }
    } else if (node.type === 'array') {
      for (const [index, element] of (node.children ?? []).entries())
        yield* entriesOf(element, [...names, String(index)]);
    } else {
      yield { names, value: textOf(node), line: lineAt(node.offset) };
    }
  }

  function textOf(node: Node): string {
    if (node.type === 'string') return String(node.value);
    return node.type === 'null' ? '' : text.slice(node.offset, node.offset + node.length);
  }
}

/** The column of an offset, counted from 1. */
function columnAt(text: string, offset: number): number {
  return offset - text.lastIndexOf('\n', offset - 1);
}

/** The line of an offset, counted from 1; offsets must come in their order, so that the text is walked once. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    for (; at < offset; at++) if (text[at] === '\n') line++;
    return line;
  };
}
