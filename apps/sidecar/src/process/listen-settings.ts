import { parseDuration } from '@outrigger/core';

import { loopbackAddresses, parseListenAddresses } from '../http/listen.ts';
import type { Flags } from './flag-table.ts';
import { SettingError } from './setting-error.ts';

const none: ReadonlySet<string> = new Set();

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the internal port is bound: peers on this machine alone reach it, unless the user names an address that others can reach. */
export function internalAddress(flags: Flags, env: Environment): string {
  return flags['dapr-internal-grpc-listen-address'] ?? env['DAPR_HOST_IP'] ?? '127.0.0.1';
}

/** Where the port with metadata and health alone is bound. */
export function publicAddresses(flags: Flags): readonly string[] {
  const address = flags['dapr-public-listen-address'];
  return address ? [address] : loopbackAddresses;
}

/** Where metrics are served. */
export function metricsAddresses(flags: Flags): readonly string[] {
  const address = flags['metrics-listen-address'];
  return address ? parseListenAddresses(address) : loopbackAddresses;
}

/** Throws a {@link SettingError} when two of the sidecar's own servers are to listen on the same port of the same address. */
export function refuseSharedPorts(flags: Flags, env: Environment, given: ReadonlySet<string> = none): void {
  const apiAddresses = flags['unix-domain-socket'] ? [] : parseListenAddresses(flags['dapr-listen-addresses']);
  const listeners = [
    ['dapr-http-port', apiAddresses],
    ['dapr-grpc-port', apiAddresses],
    ['dapr-internal-grpc-port', [internalAddress(flags, env)]],
    ['dapr-public-port', publicAddresses(flags)],
    // its default port gives way to another that the user has chosen
    ['metrics-port', flags['enable-metrics'] && given.has('metrics-port') ? metricsAddresses(flags) : []],
  ] as const;
  for (const [index, [name, addresses]] of listeners.entries()) {
    const port = flags[name];
    if (!port) continue;
    const other = listeners
      .slice(0, index)
      .find(([earlier, theirs]) => flags[earlier] === port && meet(addresses, theirs));
    if (other === undefined) continue;
    throw new SettingError(
      `--${other[0]} and --${name} are both ${port}: each needs a port of its own (0 picks a free one)`,
    );
  }
}

function meet(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.some((other) => one === other || isEvery(one) || isEvery(other)));
}

function isEvery(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Milliseconds; `undefined`: not set. Throws when it is set to something else than a duration. */
export function maxConnectionIdle(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const text = env['DAPR_GRPC_MAX_CONN_IDLE'];
  if (!text) return undefined;
  const idle = parseDuration(text, 'ms');
  if (idle === undefined || idle <= 0) {
    throw new Error(
      `the environment variable DAPR_GRPC_MAX_CONN_IDLE is "${text}": it has to be a duration such as "3m"`,
    );
  }
  return idle;
}
