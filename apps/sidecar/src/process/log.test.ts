import { hostname } from 'node:os';

import { describe, expect, it } from 'vitest';

import { type LogOptions, parseLogLevel, ProcessLog } from './log.ts';

function capture(options: Partial<LogOptions>) {
  const lines: string[] = [];
  const log = new ProcessLog({
    level: 'info',
    asJson: false,
    appId: 'orders',
    write: (line) => lines.push(line),
    ...options,
  });
  return { lines, log };
}

describe('the log', () => {
  it('has the text form of Dapr', () => {
    const { lines, log } = capture({});
    log.scope('dapr.runtime').warn('slow "start"', { component: 'statestore' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^time="[^"]+Z" level=warning msg="slow \\"start\\"" app_id=orders component=statestore instance=/,
    );
    expect(lines[0]).toMatch(
      new RegExp(`instance=${hostname().replaceAll('.', '\\.')} scope=dapr\\.runtime type=log ver=1\\.18\\.3\\n$`),
    );
  });

  it('has the JSON form of Dapr', () => {
    const { lines, log } = capture({ asJson: true });
    log.scope('dapr.runtime').info('up');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      app_id: 'orders',
      level: 'info',
      msg: 'up',
      scope: 'dapr.runtime',
      type: 'log',
      ver: '1.18.3',
    });
  });

  it('shows what an error says in either form', () => {
    for (const asJson of [true, false]) {
      const { lines, log } = capture({ asJson });
      log.scope('x').warn('closing failed', { error: new Error('it hangs') });
      expect(lines[0]).toMatch(/error(":|=)"it hangs"/);
    }
  });

  it('knows the levels of Dapr and no others', () => {
    expect(['debug', 'Warning', 'warn', 'fatal', 'loud', 'constructor'].map(parseLogLevel)).toEqual([
      'debug',
      'warn',
      'warn',
      'fatal',
      undefined,
      undefined,
    ]);
  });

  it('leaves out what is below its level', () => {
    const { lines, log } = capture({ level: 'error' });
    log.scope('x').info('no');
    log.scope('x').error('yes');
    expect(lines).toHaveLength(1);
  });

  it('keeps a message on one line', () => {
    const { lines, log } = capture({});
    log.scope('x').info('first\nsecond');
    expect(lines[0]?.split('\n')).toHaveLength(2);
  });
});
