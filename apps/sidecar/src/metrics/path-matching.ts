interface Pattern {
  readonly text: string;
  /** `undefined`: any one segment. */
  readonly segments: readonly (string | undefined)[];
  /** Takes longer paths, too. */
  readonly isPrefix: boolean;
}

/**
 * Which of the patterns a path belongs to; `undefined`: to none. Patterns are those of Go's `ServeMux`: `/orders/{id}` with any segment
 * in place of `{id}`, `/orders/` for all below it, `{rest...}` likewise. Of several that fit the one that says more counts.
 */
export function pathMatcher(patterns: readonly string[]): (path: string) => string | undefined {
  const compiled = patterns.map(compile).toSorted((a, b) => weight(b) - weight(a));
  return (path) => {
    const segments = segmentsOf(path);
    return compiled.find((pattern) => fits(pattern, segments))?.text;
  };
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function compile(text: string): Pattern {
  const all = segmentsOf(text).filter((segment) => segment !== '{$}');
  const takesRest = all.at(-1)?.endsWith('...}') ?? false;
  const fixed = takesRest ? all.slice(0, -1) : all;
  const segments = fixed.map((segment) => (segment.startsWith('{') && segment.endsWith('}') ? undefined : segment));
  return { text, segments, isPrefix: takesRest || text.endsWith('/') };
}

/** What is longer says more, then what has more fixed segments, then what does not go on. */
function weight({ segments, isPrefix }: Pattern): number {
  const fixed = segments.filter((segment) => segment !== undefined).length;
  return segments.length * 10_000 + fixed * 10 + (isPrefix ? 0 : 1);
}

function fits({ segments, isPrefix }: Pattern, path: readonly string[]): boolean {
  if (isPrefix ? path.length < segments.length : path.length !== segments.length) return false;
  return segments.every((segment, index) => segment === undefined || segment === path[index]);
}
