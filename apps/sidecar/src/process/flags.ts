import { nearestName, parseBoolean, parseByteSize, parseDuration } from '@outrigger/core';

import { type FlagKind, type Flags, type FlagSpec, flagSpecs } from './flag-table.ts';

/** A command line that cannot be used; the message says which flag and what would be right. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

export interface ParsedFlags {
  readonly flags: Flags;
  /** Names the user gave, for messages about flags without effect. */
  readonly given: ReadonlySet<string>;
}

const expectations: Readonly<Record<FlagKind, string>> = {
  text: 'a text',
  texts: 'a text',
  integer: 'a whole number',
  port: 'a port, 0 to 65535',
  flag: 'true or false',
  duration: 'a duration such as "5s" or "500ms"',
  seconds: 'a number of seconds, or a duration such as "5s"',
  size: 'a number of bytes such as "4Mi"',
};

function parseValue(kind: FlagKind, text: string): string | number | boolean | undefined {
  switch (kind) {
    case 'integer':
      return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
    case 'port':
      return /^\d+$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
    case 'flag':
      return parseBoolean(text);
    case 'duration':
      return parseDuration(text, 'ms');
    case 'seconds':
      return parseDuration(text, 's');
    case 'size':
      return parseByteSize(text);
    default:
      return text;
  }
}

/**
 * Reads a command line as daprd does: one dash or two, `--name value` or `--name=value`, a truth flag alone is true.
 * Throws a {@link FlagError} that names the flag.
 */
export function parseFlags(args: readonly string[]): ParsedFlags {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(flagSpecs)) values[name] = spec.kind === 'texts' ? [] : spec.default;
  const given = new Set<string>();

  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    const match = /^--?([a-z][a-z0-9-]*)(?:=(.*))?$/is.exec(arg);
    if (!match) throw new FlagError(`unexpected argument "${arg}": flags start with "--" (see --help)`);
    const name = (match[1] ?? '').toLowerCase();
    const spec = Object.hasOwn(flagSpecs, name) ? flagSpecs[name] : undefined;
    if (spec === undefined) {
      const near = nearestName(name, Object.keys(flagSpecs));
      throw new FlagError(`unknown flag --${name}${near ? `; did you mean --${near}?` : ' (see --help)'}`);
    }
    let text = match[2];
    if (text === undefined && spec.kind === 'flag') text = 'true';
    if (text === undefined) {
      text = args[++index];
      if (text === undefined) throw new FlagError(`--${name} needs a value: ${expectations[spec.kind]}`);
    }
    const value = parseValue(spec.kind, text);
    if (value === undefined) throw new FlagError(`--${name}: expected ${expectations[spec.kind]}, not "${text}"`);
    given.add(name);
    if (spec.kind === 'texts') (values[name] as unknown[]).push(value);
    else values[name] = value;
  }
  // The table's kinds are the source of the type: each value was parsed by its own kind.
  return { flags: withReplacedFlags(values, given) as Flags, given };
}

/** Lets deprecated flags stand in for their successors where those were not given. */
function withReplacedFlags(values: Record<string, unknown>, given: ReadonlySet<string>): Record<string, unknown> {
  const replaced = { ...values };
  if (given.has('dapr-http-max-request-size') && !given.has('max-body-size')) {
    replaced['max-body-size'] = (values['dapr-http-max-request-size'] as number) * 1024 * 1024;
  }
  if (given.has('dapr-http-read-buffer-size') && !given.has('read-buffer-size')) {
    replaced['read-buffer-size'] = (values['dapr-http-read-buffer-size'] as number) * 1024;
  }
  replaced['resources-path'] = [...(values['components-path'] as string[]), ...(values['resources-path'] as string[])];
  const protocol = values['app-protocol'];
  if (values['app-ssl'] === true && (protocol === 'http' || protocol === 'grpc')) {
    replaced['app-protocol'] = `${protocol}s`;
  }
  return replaced;
}

export interface FlagNotice {
  readonly level: 'warn' | 'debug';
  readonly message: string;
}

/** One warning per flag that is deprecated, or lacks another one, and one debug line per flag without effect. */
export function flagNotices({ flags, given }: ParsedFlags): FlagNotice[] {
  return [...given].flatMap((name): FlagNotice[] => {
    if (name === 'app-protocol' && flags[name] !== 'http' && !flags['app-port']) {
      const message = `--app-protocol ${flags[name]} has no effect: without --app-port the sidecar calls no app`;
      return [{ level: 'warn', message }];
    }
    const spec = flagSpecs[name];
    if (spec?.deprecated) return [{ level: 'warn', message: `--${name} is deprecated: use ${spec.deprecated}` }];
    if (spec?.inert)
      return [{ level: 'debug', message: `--${name} is accepted for compatibility and has no effect yet` }];
    return [];
  });
}

/** A default as it would be written on a command line. */
function shown({ kind, default: preset }: FlagSpec): string {
  if (typeof preset !== 'number') return String(preset);
  if (kind === 'size') return preset % 2 ** 20 === 0 ? `${preset / 2 ** 20}Mi` : `${preset / 2 ** 10}Ki`;
  if (kind === 'duration' || kind === 'seconds') return preset % 1000 === 0 ? `${preset / 1000}s` : `${preset}ms`;
  return String(preset);
}

/** The text of `--help`. */
export function usage(): string {
  const rows = Object.entries(flagSpecs)
    .filter(([, spec]) => !spec.deprecated)
    .map(([name, spec]) => {
      const preset =
        spec.default === undefined || spec.default === '' || spec.default === false ? '' : ` [${shown(spec)}]`;
      return `  --${name.padEnd(36)} ${spec.help}${preset}${spec.inert ? ' (no effect yet)' : ''}`;
    });
  return [
    'Usage: outrigger-sidecar --app-id <id> [--app-port <port>] [--resources-path <folder>] …',
    '',
    ...rows,
    '',
  ].join('\n');
}
