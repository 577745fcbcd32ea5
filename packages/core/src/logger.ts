/** Fields that go beside a log message; never secrets. */
export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/**
 * What a component logs through. The scope and the component's name are already bound. A level that is off costs one
 * branch; guard the building of costly fields with {@link Logger.isEnabled}.
 */
export interface Logger {
  isEnabled(level: LogLevel): boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const ignore = () => {};

/** A logger that writes nothing; for tests and for library users who do not want any. */
export const silentLogger: Logger = {
  isEnabled: () => false,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
};
