import { cleanPath } from '../blocks/invocation-path.ts';

/** More layers of escapes than this no path has that means well. */
const maxLayers = 8;
/** What makes apps read one path in several ways: escapes, path parameters, backslashes, dots at the end of a segment. */
const ambiguous = /[%;\\]|\.(?:\/|$)/;
// oxlint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u001f\u007f]/;

/**
 * A normalised path as rules are compared with it: apps may take `/Admin` for `/admin`, and `%C3%A9` is `é`, however it is composed.
 */
export function foldedPath(path: string): string {
  if (!path.includes('%')) return path.toLowerCase();
  try {
    return decodeURI(path).normalize('NFC').toLowerCase();
  } catch {
    // not UTF-8
    return path.toLowerCase();
  }
}

/**
 * The path as the most generous app reads it: all layers of escapes gone, `\` a slash, path parameters (`;x`), what follows a `?`
 * or `#` and dots at the end of segments dropped, look-alikes of ASCII (fullwidth, U+2025) as ASCII; folded. The same text as
 * {@link foldedPath} for nearly every path. `undefined`: nobody can say how apps read it.
 */
export function generousPath(path: string): string | undefined {
  if (!ambiguous.test(path)) return path.toLowerCase();
  const decoded = fullyDecoded(path);
  if (decoded === undefined || controlCharacter.test(decoded)) return undefined;
  const [bare = ''] = decoded.normalize('NFKC').split(/[?#]/);
  const segments = bare
    .replaceAll('\\', '/')
    .replaceAll(/;[^/]*/g, '')
    .split('/');
  // dots are dropped only where a name stands before them: `..` is the way up
  const trimmed = segments.map((segment) => segment.replace(/(?<=[^. ])[. ]+$/, ''));
  return cleanPath(trimmed.join('/')).normalize('NFC').toLowerCase();
}

function fullyDecoded(path: string): string | undefined {
  let text = path;
  for (let layer = 0; layer < maxLayers; layer++) {
    if (!/%[0-9a-f]{2}/i.test(text)) return text;
    try {
      text = decodeURIComponent(text.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'));
    } catch {
      // not UTF-8, or overlong
      return undefined;
    }
  }
  return undefined;
}
