// What counts as a control character here, and in Dapr: 0x01 to 0x1f and 0x7f, as characters of the decoded path.
// oxlint-disable-next-line no-control-regex
const controlCharacter = /[\u0001-\u001f\u007f]/;
const forbiddenCharacter = /[#?\0]/;
const brokenEscape = /%(?![0-9a-f]{2}).{0,2}/i;
/** Clean and free of escapes: nothing to do. Nearly every path is. */
const plain = /^(?:\/[\w~!$&'()*+,;=:@-][\w~!$&'()*+,;=:@.-]*)+$/;

/** A method path that is refused. The message says why, in Dapr's words. */
export class MethodPathError extends Error {
  override readonly name = 'MethodPathError';
}

/**
 * The path of a URL, still escaped, as the app is to get it: decoded once, cleaned, and escaped again where a request line
 * needs it. Access control, breakers and the app so see one and the same path. Runs before anything looks at the path.
 *
 * `a%2Fb` and `a//b` give `/a/b`, `a/../b` and `%2e%2e/b` give `/b`, a slash at the end is dropped, `%20` stays.
 * What is still escaped after decoding (`%2541`) stays so, except for characters that never need it, dots above all.
 *
 * @throws MethodPathError for control characters, NUL, `#` and `?`, and when what was decoded holds a broken escape (`%25b`)
 */
export function normalizePath(path: string): string {
  return plain.test(path) ? path : normalizeMethod(decodeOnce(path));
}

/** As {@link normalizePath}, for a path that is decoded already: the method that a peer sent. */
export function normalizeMethod(method: string): string {
  if (plain.test(method)) return method;
  if (forbiddenCharacter.test(method)) {
    throw new MethodPathError(`method contains forbidden character: ${JSON.stringify(method)}`);
  }
  const control = controlCharacter.exec(method);
  if (control) {
    throw new MethodPathError(
      `method contains control character at position ${control.index}: ${JSON.stringify(method)}`,
    );
  }
  const broken = brokenEscape.exec(method);
  if (broken) throw new MethodPathError(`invalid URL escape ${JSON.stringify(broken[0])}`);
  return escape(cleanPath(withoutNeedlessEscapes(method)));
}

/**
 * A normalised path as the method of a message between sidecars, which Dapr carries decoded and without the leading slash.
 * Only what {@link normalizeMethod} escapes on the other side is decoded, so that it comes to the same path there.
 */
export function methodOf(path: string): string {
  const method = path.slice(1);
  return method.includes('%') ? decodeRuns(method, /(?:%(?:2[02]|3[CE]|5[B-E]|60|7[B-D]|[89A-F][0-9A-F]))+/g) : method;
}

function decodeOnce(path: string): string {
  if (!path.includes('%')) return path;
  const broken = brokenEscape.exec(path);
  if (broken) throw new MethodPathError(`invalid URL escape ${JSON.stringify(broken[0])}`);
  return decodeRuns(path, /(?:%[0-9a-f]{2})+/gi);
}

/** Decodes runs of escapes. Of a run that is not UTF-8, only the ASCII characters. */
function decodeRuns(text: string, runs: RegExp): string {
  return text.replace(runs, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run.replaceAll(/%[0-7][0-9a-f]/gi, (ascii) => decodeURIComponent(ascii));
    }
  });
}

/**
 * RFC 3986, 6.2.2: an escaped letter, digit, `-`, `.`, `_` or `~` is that character, so that `%2e%2e` cannot hide from cleaning;
 * other escapes are in upper case.
 */
function withoutNeedlessEscapes(text: string): string {
  if (!text.includes('%')) return text;
  return text.replaceAll(/%[0-9a-f]{2}/gi, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : escaped.toUpperCase();
  });
}

/** A path as Go's `path.Clean` leaves it: rooted, no empty, `.` or `..` segment, no slash at the end. Escapes are not touched. */
export function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

/** Escapes what cannot stand in a request line. Every `%` belongs to an escape that is to stay. */
function escape(path: string): string {
  return encodeURI(path.toWellFormed()).replaceAll('%25', '%');
}
