import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ComponentDefinition, ComponentKinds } from '@outrigger/core';
import { afterAll } from 'vitest';

import { type PluggableServer, servePluggable } from '../src/index.ts';
import type { PluggableKind } from '../src/services.ts';
import { useSocket, type UseOptions } from './use-socket.ts';

/** A folder of sockets in which components are served, and from which they are used as a sidecar does. */
export class SocketFolder implements AsyncDisposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'outrigger-p-'));
  readonly #servers: PluggableServer[] = [];

  async serve(name: string, ...components: ComponentDefinition[]): Promise<PluggableServer> {
    const server = await servePluggable({ components, name, folder: this.path });
    this.#servers.push(server);
    return server;
  }

  /** Makes an instance of the component `name`, on the other side of its socket. */
  open<K extends PluggableKind>(
    kind: K,
    name: string,
    properties?: Readonly<Record<string, string>>,
    options?: UseOptions,
  ): Promise<ComponentKinds[K]> {
    return useSocket(this.path, kind, name, properties, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close(5000)));
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** One for the tests of a file; gone after them. */
export function socketFolder(): SocketFolder {
  const folder = new SocketFolder();
  afterAll(() => folder[Symbol.asyncDispose]());
  return folder;
}
