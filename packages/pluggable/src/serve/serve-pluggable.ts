import { lstat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';

import { type ComponentDefinition, type Logger, silentLogger } from '@outrigger/core';
import type { Service } from '@outrigger/grpc';
import { reflectionServices } from '@outrigger/grpc/reflection';
import { createGrpcServer, type GrpcServer } from '@outrigger/grpc/server';

import { defaultSocketsFolder } from '../use/socket-components.ts';
import { isPluggableKind, type PluggableKind } from '../services.ts';
import { bindingServices } from './binding-services.ts';
import { Instances } from './instances.ts';
import { pubsubServices } from './pubsub-service.ts';
import { secretServices } from './secret-service.ts';
import { listenOnSocket, removeSocket } from './socket-file.ts';
import { stateServices } from './state-services.ts';

export interface ServePluggableOptions {
  /** At most one for each of the blocks that the protocol has: state, pubsub, bindings, secrets. */
  readonly components: readonly ComponentDefinition[];
  /** Of the socket's file; sidecars call the types `state.<name>` and so on. Default: what follows the block in the type. */
  readonly name?: string;
  /** Where the socket is made. Default: env `DAPR_COMPONENTS_SOCKETS_FOLDER`, else `/tmp/dapr-components-sockets`. */
  readonly folder?: string;
  /** The socket's path, in place of name and folder. */
  readonly socket?: string;
  /** Who may connect, as the mode of the file. Default `0o600`: this user alone. */
  readonly mode?: number;
  /** What components take for the app's id that are told none. Default: the name of the component's resource. */
  readonly appId?: string;
  /** Default: none. */
  readonly namespace?: string;
  /** Longest message to take, in bytes; 0: no limit. Default 64 MiB. */
  readonly maxMessageSize?: number;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
}

/** Components that are served. Disposal waits ten seconds for what is under way. */
export interface PluggableServer extends AsyncDisposable {
  /** The path. */
  readonly socket: string;
  /** What a resource may name: `state.in-memory`. */
  readonly types: readonly string[];
  /** Takes no new calls, waits so many milliseconds for those under way, removes the socket and closes the components. */
  close(graceMs: number): Promise<void>;
}

const defaultGrace = 10_000;

/**
 * Serves components on a Unix socket to any Dapr sidecar. Resolves once they can be used. Rejects with an Error that says what to mend.
 *
 * @example
 * await using server = await servePluggable({ components: [definition] });
 */
export async function servePluggable(options: ServePluggableOptions): Promise<PluggableServer> {
  const { components, mode = 0o600, maxMessageSize = 64 * 1024 * 1024, logger = silentLogger } = options;
  const { path, name } = placeOf(options);
  const { appId = '', namespace = '' } = options;
  const all: Instances<PluggableKind>[] = [];
  const services: Service[] = [];
  for (const definition of components) {
    const { kind, type } = definition;
    if (!isPluggableKind(kind)) throw new Error(`${type}: pluggable components have no form for the block ${kind}`);
    const made = served({ kind, definition, appId, namespace, logger });
    if (all.some((one) => one.kind === kind))
      throw new Error(`${type}: one socket holds one component of ${kind} only`);
    all.push(made.instances);
    services.push(...made.services);
  }
  if (services.length === 0) throw new Error('there is no component to serve');
  const grpc = createGrpcServer({
    services: [...services, ...reflectionServices(services)],
    maxMessageSize,
    // The other side is on this machine, and may have nothing to say for long.
    keepalive: { maxIdle: Number.MAX_SAFE_INTEGER, pingAfter: keepaliveInterval },
    logger,
  });
  const sockets = new Set<Socket>();
  const listener = await listenOnSocket(path, mode, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    grpc.inject(socket);
  });
  const { ino } = await lstat(path);
  let closing: Promise<void> | undefined;
  const close = (graceMs: number): Promise<void> =>
    (closing ??= (async () => {
      await removeSocket(path, ino);
      const closed = new Promise((resolve) => listener.close(resolve));
      await inTime(leave(grpc, all, closed), graceMs);
      grpc.end();
      for (const socket of sockets) socket.destroy();
      await closed;
      for (const instances of all) await instances[Symbol.asyncDispose]();
    })());
  const types = components.map(({ type }) => `${type.split('.')[0]}.${name}`);
  return { socket: path, types, close, [Symbol.asyncDispose]: () => close(defaultGrace) };
}

const keepaliveInterval = 60_000;

/** Subscriptions end first, while what they have handed over can be acknowledged; then the calls that are under way. */
async function leave(
  grpc: GrpcServer,
  all: readonly Instances<PluggableKind>[],
  closed: Promise<unknown>,
): Promise<void> {
  await Promise.all(all.map((instances) => instances.endSubscriptions()));
  grpc.sayGoodbye();
  await closed;
}

async function inTime(work: Promise<void>, milliseconds: number): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => (late = setTimeout(resolve, milliseconds)))]);
  clearTimeout(late);
}

interface ServedOptions {
  readonly kind: PluggableKind;
  readonly definition: ComponentDefinition;
  readonly appId: string;
  readonly namespace: string;
  readonly logger: Logger;
}

function served({ kind, ...rest }: ServedOptions): {
  readonly instances: Instances<PluggableKind>;
  readonly services: readonly Service[];
} {
  switch (kind) {
    case 'state': {
      const instances = new Instances({ kind, ...rest });
      return { instances, services: stateServices(instances) };
    }
    case 'pubsub': {
      const instances = new Instances({ kind, ...rest });
      return { instances, services: pubsubServices(instances) };
    }
    case 'bindings': {
      const instances = new Instances({ kind, ...rest });
      return { instances, services: bindingServices(instances) };
    }
    case 'secrets': {
      const instances = new Instances({ kind, ...rest });
      return { instances, services: secretServices(instances) };
    }
  }
}

function placeOf({ components, name, folder, socket }: ServePluggableOptions): {
  readonly path: string;
  readonly name: string;
} {
  if (socket !== undefined) return { path: socket, name: /([^/]*?)(\.[^./]*)?$/.exec(socket)?.[1] ?? '' };
  const names = new Set(components.map(({ type }) => nameOfType(type)));
  if (name === undefined && names.size > 1) {
    throw new Error(`the components have several names, ${[...names].join(', ')}: say which the socket is to have`);
  }
  const own = name ?? [...names][0] ?? '';
  if (own === '' || own.includes('/')) throw new Error(`"${own}" is no name for a socket`);
  const where = folder ?? (process.env['DAPR_COMPONENTS_SOCKETS_FOLDER'] || defaultSocketsFolder);
  return { path: join(where, `${own}.sock`), name: own };
}

/** `in-memory` of `state.in-memory`. */
export function nameOfType(type: string): string {
  return type.slice(type.indexOf('.') + 1);
}
