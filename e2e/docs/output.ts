/**
 * What is missing in `actual` of the lines that a page shows, `undefined` when nothing is. They are all that is there, in their order;
 * only where the page has a line `…`, others may stand. Within a line, `…` is anything, and one space is as many.
 */
export function missingOutput(shown: string, actual: string): string | undefined {
  const lines = linesOf(withoutColours(actual));
  let at = 0;
  let mayPass = false;
  for (const line of linesOf(shown)) {
    if (line.trim() === '…') {
      mayPass = true;
      continue;
    }
    const pattern = patternOf(line);
    const found = lines.findIndex((one, index) => index >= at && pattern.test(one));
    if (found === -1 || (found > at && !mayPass)) return line;
    at = found + 1;
    mayPass = false;
  }
  return mayPass || at === lines.length ? undefined : `nothing after what the page shows, but there is: ${lines[at]}`;
}

/**
 * The same for a terminal that stays open, in which several programs may write: other lines may stand anywhere, and the order is
 * theirs. A line that the page has twice is there twice.
 */
export function notYetSeen(shown: string, actual: string): string | undefined {
  const lines = linesOf(withoutColours(actual));
  for (const line of linesOf(shown).filter((one) => one.trim() !== '…')) {
    const found = lines.findIndex((one) => patternOf(line).test(one));
    if (found === -1) return line;
    lines.splice(found, 1);
  }
  return undefined;
}

function linesOf(text: string): string[] {
  const lines = text.trim().split('\n');
  return lines.map((line) => line.replaceAll(/\s+/g, ' ').trimEnd());
}

function patternOf(line: string): RegExp {
  const escaped = line.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('…', '.*')}$`);
}

function withoutColours(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\u001B\[[\d;]*m/g, '').replaceAll('\r', '');
}
