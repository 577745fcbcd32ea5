import { expect, test } from 'vitest';

import { parseFlags } from './flags.ts';
import { refuseSharedPorts } from './listen-settings.ts';

const check = (...args: string[]) => {
  const { flags, given } = parseFlags(args);
  refuseSharedPorts(flags, {}, given);
};

test('two of the own ports that are the same are refused with both flags', () => {
  const same = (one: string, other: string) => `--${one} and --${other} are both 4510: each needs a port of its own`;
  expect(() => check('--dapr-http-port', '4510', '--dapr-grpc-port', '4510')).toThrow(
    same('dapr-http-port', 'dapr-grpc-port'),
  );
  expect(() => check('--dapr-grpc-port', '4510', '--dapr-internal-grpc-port', '4510')).toThrow(
    same('dapr-grpc-port', 'dapr-internal-grpc-port'),
  );
  expect(() => check('--dapr-http-port', '4510', '--metrics-port', '4510')).toThrow(
    same('dapr-http-port', 'metrics-port'),
  );
  const everywhere = ['--dapr-public-port', '4510', '--dapr-public-listen-address', '0.0.0.0'];
  expect(() => check('--dapr-http-port', '4510', ...everywhere)).toThrow(same('dapr-http-port', 'dapr-public-port'));
});

test('ports that do not meet are fine', () => {
  expect(() => check()).not.toThrow();
  expect(() => check('--dapr-http-port', '9090')).not.toThrow();
  expect(() => check('--dapr-http-port', '4510', '--metrics-port', '4510', '--enable-metrics=false')).not.toThrow();
  expect(() => check('--dapr-http-port', '0', '--dapr-grpc-port', '0')).not.toThrow();
  const elsewhere = ['--dapr-internal-grpc-port', '4510', '--dapr-internal-grpc-listen-address', '10.0.0.1'];
  expect(() => check('--dapr-http-port', '4510', ...elsewhere)).not.toThrow();
  const sockets = ['--unix-domain-socket', '/run', '--dapr-http-port', '4510', '--dapr-grpc-port', '4510'];
  expect(() => check(...sockets)).not.toThrow();
});
