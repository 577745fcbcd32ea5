import type { LogFields, Logger, LogLevel } from '@outrigger/core';

const mask = '***';
/** Shorter texts are words of every second log line, and no secrets worth the name. */
const shortest = 3;
/** A secret up to here is masked where it stands as a word of its own: `test`, but not in `latest`. */
const shortWord = 11;
/** Lines of a key or certificate are masked one by one, too. */
const longLine = 20;

/**
 * The texts that nobody may see in a log or an error: what components got as secrets. Each is masked in the forms in which it turns
 * up in messages: as it is, escaped in JSON or a URL, in base64. Secrets inside a connection string or a URL count, too.
 */
export class SecretTexts {
  readonly #texts = new Set<string>();
  #pattern: RegExp | undefined;
  #isStale = false;

  /** Notes a secret. */
  add(text: string): void {
    if (text.trim().length < shortest) return;
    for (const part of [
      text,
      text.trim(),
      ...secretParts(text),
      ...text.split(/\r?\n/).filter((line) => line.length >= longLine),
    ]) {
      for (const form of formsOf(part)) this.#texts.add(form);
    }
    this.#isStale = true;
  }

  /** Notes what is secret inside a value that is none as a whole: the password of a URL or a connection string. */
  addFrom(value: string): void {
    for (const part of secretParts(value)) this.add(part);
  }

  /** The text with `***` in place of every secret in it. */
  hide(text: string): string {
    if (this.#isStale) this.#compile();
    return this.#pattern === undefined ? text : text.replaceAll(this.#pattern, mask);
  }

  #compile(): void {
    this.#isStale = false;
    const longestFirst = [...this.#texts].toSorted((a, b) => b.length - a.length);
    const alternatives = longestFirst.map((text) => {
      const literal = text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
      return text.length > shortWord ? literal : String.raw`(?<![\p{L}\p{N}])${literal}(?![\p{L}\p{N}])`;
    });
    this.#pattern = alternatives.length === 0 ? undefined : new RegExp(alternatives.join('|'), 'gu');
  }
}

/** A logger whose lines hold no secret; a level that is off still costs one branch. */
export function hidingLogger(logger: Logger, secrets: SecretTexts): Logger {
  const at =
    (level: Exclude<LogLevel, 'fatal'>) =>
    (message: string, fields?: LogFields): void => {
      if (logger.isEnabled(level)) logger[level](secrets.hide(message), fields && hiddenFields(fields, secrets));
    };
  return {
    isEnabled: (level) => logger.isEnabled(level),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

function hiddenFields(fields: LogFields, secrets: SecretTexts): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, hiddenValue(value, secrets)]));
}

/** What is no text stays as it is, unless whoever prints it would show a secret. */
function hiddenValue(value: unknown, secrets: SecretTexts): unknown {
  if (typeof value === 'string') return secrets.hide(value);
  if (typeof value !== 'object' || value === null) return value;
  const shown = process
    .getBuiltinModule('node:util')
    .inspect(value, { depth: 10, maxStringLength: null, maxArrayLength: null });
  const hidden = secrets.hide(shown);
  return hidden === shown ? value : hidden;
}

const password =
  /(?:password|passwd|pwd|secret|token|accountkey|accesskey|sharedaccesskey|apikey)\s*=\s*(?:'([^']+)'|"([^"]+)"|([^;&\s]+))/gi;

/** `secret` of `amqp://user:secret@host`, also of each in a list, and of `host=x password=secret`. */
function secretParts(value: string): string[] {
  const parts: string[] = [];
  for (const [, found = ''] of value.matchAll(/:\/\/[^\s/?#:@]*:([^\s/?#]+)@/g)) parts.push(found, unescaped(found));
  for (const [, single, double, bare] of value.matchAll(password)) parts.push(single ?? double ?? bare ?? '');
  return parts.filter((part) => part.length >= shortest && part !== value);
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function formsOf(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const twice = JSON.stringify(json).slice(1, -1);
  const url = text.isWellFormed() ? [encodeURIComponent(text)] : [];
  return [text, json, twice, ...url, Buffer.from(text).toString('base64')];
}
