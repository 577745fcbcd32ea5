import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type ComponentDefinition, type ComponentKinds, type Logger, silentLogger } from '@outrigger/core';
import { afterAll } from 'vitest';

import { type PluggableServer, servePluggable, socketComponents } from '../src/index.ts';
import type { PluggableKind } from '../src/services.ts';

const prefixes = { state: 'state', pubsub: 'pubsub', bindings: 'bindings', secrets: 'secretstores' } as const;

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
  async open<K extends PluggableKind>(
    kind: K,
    name: string,
    properties: Readonly<Record<string, string>> = {},
    { instance = name, logger = silentLogger }: { readonly instance?: string; readonly logger?: Logger } = {},
  ): Promise<ComponentKinds[K]> {
    const { signal } = new AbortController();
    const type = `${prefixes[kind]}.${name}`;
    const definition = await socketComponents({ folder: this.path }).find({ type, version: 'v1' });
    if (definition === undefined) throw new Error(`nobody serves ${type}`);
    const context = { name: instance, metadata: {}, properties, appId: 'app', namespace: '', logger, signal };
    return (await definition.create(context)) as ComponentKinds[K];
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
