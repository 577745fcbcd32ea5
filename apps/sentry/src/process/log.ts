import type { LogFields, Logger } from '@outrigger/core';

const levels = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof levels)[number];

/** Lines on standard output, in the text form of Dapr's logs. */
export function processLog(least: Level): Logger {
  const from = levels.indexOf(least);
  const at =
    (level: Level) =>
    (message: string, fields: LogFields = {}) => {
      if (levels.indexOf(level) < from) return;
      const more = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(String(value))}`);
      const time = new Date().toISOString();
      process.stdout.write(
        `time="${time}" level=${level === 'warn' ? 'warning' : level} msg=${JSON.stringify(message)} scope=dapr.sentry type=log${more.join('')}\n`,
      );
    };
  return {
    isEnabled: (level) => levels.indexOf(level as Level) >= from,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
