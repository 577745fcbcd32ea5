import { describe, expect, it } from 'vitest';

import { flagNotices, parseFlags, usage } from './flags.ts';

describe('flags', () => {
  it('take one dash or two, a space or an equals sign', () => {
    const { flags } = parseFlags(['-app-id', 'orders', '--app-port=3000', '-enable-metrics=false', '--log-as-json']);
    expect(flags['app-id']).toBe('orders');
    expect(flags['app-port']).toBe(3000);
    expect(flags['enable-metrics']).toBe(false);
    expect(flags['log-as-json']).toBe(true);
  });

  it('have the defaults of daprd', () => {
    const { flags } = parseFlags([]);
    expect(flags).toMatchObject({
      'dapr-http-port': 3500,
      'dapr-grpc-port': 50_001,
      'max-body-size': 4 * 1024 * 1024,
      'app-protocol': 'http',
    });
    expect(flags['app-port']).toBeUndefined();
  });

  it('collect repeated folders, the deprecated name included', () => {
    const parsed = parseFlags(['--resources-path', 'a', '--components-path', 'b', '--resources-path=c']);
    expect(parsed.flags['resources-path']).toEqual(['b', 'a', 'c']);
    expect(flagNotices(parsed)).toEqual([
      { level: 'warn', message: '--components-path is deprecated: use --resources-path' },
    ]);
  });

  it('read quantities in their own units', () => {
    const { flags } = parseFlags([
      '--max-body-size',
      '16Mi',
      '--app-health-probe-interval',
      '2',
      '--app-health-probe-timeout',
      '250',
      '--dapr-block-shutdown-duration',
      '1m',
    ]);
    expect(flags).toMatchObject({
      'max-body-size': 16 * 1024 * 1024,
      'app-health-probe-interval': 2000,
      'app-health-probe-timeout': 250,
      'dapr-block-shutdown-duration': 60_000,
    });
  });

  it.each([
    ['http', 'https'],
    ['grpc', 'grpcs'],
    ['h2c', 'h2c'],
    ['grpcs', 'grpcs'],
  ])('let --app-ssl make %s to %s', (protocol, expected) => {
    expect(parseFlags(['--app-ssl', '--app-protocol', protocol]).flags['app-protocol']).toBe(expected);
  });

  it('honour the old size flags unless the new one is given', () => {
    expect(parseFlags(['--dapr-http-max-request-size', '8']).flags['max-body-size']).toBe(8 * 1024 * 1024);
    expect(parseFlags(['--dapr-http-max-request-size', '8', '--max-body-size', '1Mi']).flags['max-body-size']).toBe(
      1024 * 1024,
    );
  });

  it.each([
    [['--app-prot', '1'], 'unknown flag --app-prot; did you mean --app-port?'],
    [['--constructor', '1'], 'unknown flag --constructor (see --help)'],
    [['--app-port', 'x'], '--app-port: expected a port, 0 to 65535, not "x"'],
    [['--app-port'], '--app-port needs a value: a port, 0 to 65535'],
    [['--enable-metrics=perhaps'], '--enable-metrics: expected true or false, not "perhaps"'],
    [['--dapr-http-port', '99999'], '--dapr-http-port: expected a port, 0 to 65535, not "99999"'],
    [['serve'], 'unexpected argument "serve": flags start with "--" (see --help)'],
  ])('%j is refused with the fix', (args, message) => {
    expect(() => parseFlags(args)).toThrow(message);
  });

  it('say which of them have no effect yet', () => {
    const parsed = parseFlags(['--placement-host-address', 'localhost:50005']);
    expect(flagNotices(parsed)[0]).toMatchObject({
      level: 'debug',
      message: expect.stringContaining('--placement-host-address'),
    });
    expect(usage()).toContain('--app-port');
  });

  it('say that a protocol without a port has no effect', () => {
    const message = '--app-protocol grpc has no effect: without --app-port the sidecar calls no app';
    expect(flagNotices(parseFlags(['--app-protocol', 'grpc']))).toEqual([{ level: 'warn', message }]);
    expect(flagNotices(parseFlags(['--app-protocol', 'grpc', '--app-port', '3000']))).toEqual([]);
    expect(flagNotices(parseFlags(['--app-protocol', 'http']))).toEqual([]);
  });
});
