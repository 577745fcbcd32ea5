import { hostname } from 'node:os';

import type { LogFields, Logger, LogLevel } from '@outrigger/core';

import { apiVersion } from './version.ts';

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, fatal: 4 };
/** Dapr's spelling of the levels. */
const levelNames: Readonly<Record<LogLevel, string>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
  fatal: 'fatal',
};

export interface LogOptions {
  readonly level: LogLevel;
  readonly asJson: boolean;
  readonly appId: string;
  /** Takes one line with its line feed. */
  readonly write: (line: string) => void;
  /** Takes the secrets out of a line. Default: there are none. */
  readonly hideSecrets?: (line: string) => string;
}

/** The levels `--log-level` takes. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const lower = text.toLowerCase();
  if (lower === 'warning') return 'warn';
  return Object.hasOwn(ranks, lower) ? (lower as LogLevel) : undefined;
}

/** The process's log, in the text or JSON form of Dapr, with a logger per scope. */
export class ProcessLog {
  readonly #options: LogOptions;
  readonly #instance = hostname();

  readonly #writeLine: (line: string) => void;

  constructor(options: LogOptions) {
    const { write, hideSecrets } = options;
    this.#options = options;
    this.#writeLine = hideSecrets === undefined ? write : (line) => write(hideSecrets(line));
  }

  /** A logger whose lines carry `scope`; `fields` go on every line. */
  scope(scope: string, fields: LogFields = {}): Logger {
    const least = ranks[this.#options.level];
    const at = (level: LogLevel) =>
      ranks[level] < least
        ? () => {}
        : (message: string, more?: LogFields) => this.write(level, scope, message, { ...fields, ...more });
    return {
      isEnabled: (level) => ranks[level] >= least,
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
    };
  }

  /** Writes one line whatever the level. */
  write(level: LogLevel, scope: string, message: string, fields: LogFields = {}): void {
    const { appId, asJson } = this.#options;
    const all: Record<string, unknown> = {
      ...fields,
      app_id: appId,
      instance: this.#instance,
      scope,
      type: 'log',
      ver: apiVersion,
    };
    const time = new Date().toISOString();
    if (asJson) {
      this.#writeLine(
        `${JSON.stringify(sorted({ ...all, level: levelNames[level], msg: message, time }), errorAsText)}\n`,
      );
      return;
    }
    const rest = Object.entries(sorted(all)).map(([key, value]) => ` ${key}=${quoted(value)}`);
    this.#writeLine(
      `time=${JSON.stringify(time)} level=${levelNames[level]} msg=${JSON.stringify(message)}${rest.join('')}\n`,
    );
  }
}

/** JSON shows nothing of an Error. */
function errorAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

function sorted(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function quoted(value: unknown): string {
  const text =
    typeof value === 'string' ? value : value instanceof Error ? value.message : (JSON.stringify(value) ?? 'undefined');
  return /^[\w./@^+-]+$/.test(text) ? text : JSON.stringify(text);
}
