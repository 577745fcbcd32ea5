import { ComponentError, errorMessage, parseDuration } from '@outrigger/core';
import { Cron } from 'croner';

export interface Schedule {
  /** IANA name, or `Local` for the zone of the process. */
  readonly timeZone: string;
  /** The first time after `time`, both in milliseconds since the epoch; `undefined`: there is none. */
  next(time: number): number | undefined;
}

/**
 * Reads a schedule: five cron fields, six with seconds in front, `@every <duration>` or a descriptor such as `@daily`; any but
 * `@every` may follow `CRON_TZ=<zone>`. Throws a ComponentError that says what is wrong.
 */
export function parseSchedule(text: string): Schedule {
  const [, zone, rest = ''] = /^\s*(?:(?:CRON_)?TZ=(\S+)\s+)?(.*?)\s*$/.exec(text) ?? [];
  const every = /^@every\s+(.+)$/i.exec(rest)?.[1];
  return every === undefined ? cronSchedule(rest, zone) : interval(every);
}

function interval(text: string): Schedule {
  const milliseconds = parseDuration(text);
  // a bare number has no unit in Go either
  if (milliseconds === undefined || milliseconds < 1 || /^[+\d.]+$/.test(text.trim())) {
    throw invalid(`"@every" needs a duration such as "5s" or "1h30m", not ${JSON.stringify(text)}`);
  }
  return { timeZone: 'Local', next: (time) => time + milliseconds };
}

function cronSchedule(pattern: string, zone: string | undefined): Schedule {
  let cron;
  try {
    cron = new Cron(pattern, {
      paused: true,
      mode: '5-or-6-parts',
      sloppyRanges: true,
      ...(zone !== undefined && { timezone: zone }),
    });
    if (cron.nextRun() === null) throw new Error('it never comes');
  } catch (error) {
    throw invalid(errorMessage(error));
  }
  return { timeZone: zone ?? 'Local', next: (time) => cron.nextRun(new Date(time))?.getTime() };
}

function invalid(reason: string): ComponentError {
  return new ComponentError(
    'invalid-argument',
    `schedule: ${reason}; write "0 30 * * * *", "*/15 * * * *", "@every 15m" or "@daily"`,
  );
}
