import { cleanPath as cleanSegments } from '@outrigger/runtime';

const slash = 47;
const dot = 46;

/** Whether a path is as Go's `path.Clean` would leave it: rooted, no empty, `.` or `..` segment, no slash at the end. */
function isClean(path: string): boolean {
  if (path.charCodeAt(0) !== slash) return false;
  let at = path.indexOf('/', 1);
  if (at === -1) return path.charCodeAt(1) !== dot || !isDots(path, 1, path.length);
  for (let start = 1; ;) {
    if (at === start || (path.charCodeAt(start) === dot && isDots(path, start, at))) return false;
    if (at === path.length) return true;
    start = at + 1;
    // a slash at the very end leaves an empty last segment
    if (start === path.length) return false;
    at = path.indexOf('/', start);
    if (at === -1) at = path.length;
  }
}

function isDots(path: string, start: number, end: number): boolean {
  return end - start === 1 || (end - start === 2 && path.charCodeAt(start + 1) === dot);
}

/**
 * The path of a request, cleaned as Go's `path.Clean` does and still escaped: escaped slashes and dots are not touched.
 * A clean path, which is nearly every one, costs one scan.
 */
export function cleanPath(path: string): string {
  return path === '/' || isClean(path) ? path : cleanSegments(path);
}

/** The path part of a request target in absolute form (`http://host/a?b`), which proxies send; other targets as they are. */
export function originForm(target: string): string {
  const scheme = target.indexOf('://');
  if (scheme === -1 || target.startsWith('/')) return target;
  const start = target.indexOf('/', scheme + 3);
  return start === -1 ? '/' : target.slice(start);
}

/** Percent-decoding as for a query: `+` is a blank. `undefined` when an escape is broken. Bytes that are no UTF-8 become U+FFFD. */
export function unescapeText(text: string): string | undefined {
  const hasEscape = text.includes('%');
  if (!hasEscape && !text.includes('+')) return text;
  const plain = text.replaceAll('+', ' ');
  if (!hasEscape) return plain;
  if (/%(?![0-9a-f]{2})/i.test(plain)) return undefined;
  try {
    return decodeURIComponent(plain);
  } catch {
    const bytes = Buffer.from(plain).toString('latin1');
    const unescaped = bytes.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return Buffer.from(unescaped, 'latin1').toString();
  }
}

/** Whether an escape of a path is not whole: such a request is refused. */
export function hasBrokenEscape(path: string): boolean {
  return path.includes('%') && /%(?![0-9a-f]{2})/i.test(path);
}
