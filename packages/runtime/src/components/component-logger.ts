import type { LogFields, Logger, LogLevel } from '@outrigger/core';

/** A logger whose lines carry `component`, as Dapr's do: `statestore (state.redis/v1)`. */
export function componentLogger(logger: Logger, component: string): Logger {
  const at =
    (level: Exclude<LogLevel, 'fatal'>) =>
    (message: string, fields?: LogFields): void => {
      if (logger.isEnabled(level)) logger[level](message, { component, ...fields });
    };
  return {
    isEnabled: (level) => logger.isEnabled(level),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
