import { isIP } from 'node:net';
import type { AppInstance } from '@outrigger/core';
import type { Answer, DecodedPacket } from 'dns-packet';

/** How long others may keep our records, in seconds. Dapr says 3200; a reader of either keeps them for 60 s. */
const ttlSeconds = 120;
/** What one label of a name can hold, in bytes. */
const longestLabel = 63;

/** The records of one instance, by the names that Dapr gives them. */
export interface InstanceNames {
  /** `<app id>.local`: what is asked for; neither `_` nor a protocol, unlike DNS-SD. */
  readonly service: string;
  /** `<host name>:<process id>:<port>:<when it registered>.<app id>.local`. */
  readonly instance: string;
  /** `<host name>.local`. */
  readonly host: string;
}

/** An instance that a packet speaks of. */
export interface SeenInstance {
  /** In lower case; tells instances apart. */
  readonly name: string;
  readonly appId: string;
  readonly host: string;
  readonly port: number;
  /** Seconds; 0: it is leaving. */
  readonly ttl: number;
}

/** `<app id>.local`. */
export function serviceName(appId: string): string {
  return `${appId}.local`;
}

/** Whether an app of that id can have records: each label of a name is 1 to 63 bytes long. */
export function canBeNamed(appId: string): boolean {
  const bytes = Buffer.byteLength(appId);
  const fits = (label: string) => label !== '' && Buffer.byteLength(label) <= longestLabel;
  return bytes <= 120 && !appId.includes('\0') && appId.split('.').every(fits);
}

/** The port is in the name of the instance because containers that share a network all have the same host name and process id. `registeredAt`: any
 * number of this machine's that grows. */
export function namesOf({ appId, port }: AppInstance, hostName: string, registeredAt = 0): InstanceNames {
  const machine =
    Buffer.from(hostName.split('.')[0] ?? '')
      .toString('latin1')
      .slice(0, 40) || 'localhost';
  const service = serviceName(appId);
  return {
    service,
    instance: `${machine}:${process.pid}:${port}:${registeredAt.toString(36)}.${service}`,
    host: `${machine}.local`,
  };
}

/**
 * All records of an instance in one answer: Dapr's browser takes address, port and app id from the same packet and drops it when one
 * is missing. `leaving` makes it the goodbye.
 */
export function answerOf(
  { appId, host, port }: AppInstance,
  names: InstanceNames,
  leaving = false,
): { answers: Answer[]; additionals: Answer[] } {
  const ttl = leaving ? 0 : ttlSeconds;
  return {
    answers: [{ type: 'PTR', name: names.service, ttl, data: names.instance }],
    additionals: [
      { type: 'SRV', name: names.instance, ttl, data: { port, target: names.host, priority: 0, weight: 0 } },
      { type: 'TXT', name: names.instance, ttl, data: [appId] },
      { type: isIP(host) === 6 ? 'AAAA' : 'A', name: names.host, ttl, data: host },
    ],
  };
}

/**
 * The instances in a packet that are leaving or complete. An instance is told by its SRV
 * record; TXT holds its app id, A or AAAA of the SRV's target its address, IPv4 first.
 */
export function instancesIn(packet: DecodedPacket): SeenInstance[] {
  const records = [...(packet.answers ?? []), ...(packet.authorities ?? []), ...(packet.additionals ?? [])];
  const appIds = new Map<string, string>();
  const hosts = new Map<string, string>();
  for (const record of records) {
    if (record.type === 'TXT') {
      const appId = appIdOf(record.data);
      if (appId !== undefined && isInstanceOf(record.name, appId)) appIds.set(record.name.toLowerCase(), appId);
    } else if (record.type === 'A' && isIP(record.data) === 4) hosts.set(record.name.toLowerCase(), record.data);
    else if (record.type === 'AAAA' && isIP(record.data) === 6) {
      const name = record.name.toLowerCase();
      if (isIP(hosts.get(name) ?? '') !== 4) hosts.set(name, record.data);
    }
  }
  if (appIds.size === 0) return [];
  return records.flatMap((record): SeenInstance[] => {
    if (record.type !== 'SRV') return [];
    const name = record.name.toLowerCase();
    const appId = appIds.get(name);
    const host = hosts.get(record.data.target.toLowerCase()) ?? '';
    const { port } = record.data;
    const ttl = record.ttl ?? 0;
    if (appId === undefined || (ttl !== 0 && (port === 0 || !isUnicast(host)))) return [];
    return [{ name, appId, host, port, ttl }];
  });
}

/** The `registeredAt` in a name of {@link namesOf}; 0 for one of Dapr's. */
export function registeredAtOf(instanceName: string): number {
  const [, time] = /^[^:]*:\d+:\d+:([0-9a-z]{1,10})\./.exec(instanceName) ?? [];
  return time === undefined ? 0 : Number.parseInt(time, 36);
}

/** `host:port`, `[host]:port` for IPv6. */
export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** `127.0.0.0/8`, `::1`. */
export function isLoopback(host: string): boolean {
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1';
}

function isInstanceOf(name: string, appId: string): boolean {
  return name.toLowerCase().endsWith(`.${serviceName(appId).toLowerCase()}`);
}

/** Dapr passes over an instance whose texts are anything else than the app id. */
function appIdOf(data: unknown): string | undefined {
  const texts = (Array.isArray(data) ? data : [data]).map(String);
  const [first] = texts;
  return texts.every((text) => text === first) ? first : undefined;
}

function isUnicast(host: string): boolean {
  const version = isIP(host);
  if (version === 6) return host !== '::' && !host.toLowerCase().startsWith('ff');
  const first = Number(host.split('.')[0]);
  return version === 4 && first > 0 && first < 224;
}
