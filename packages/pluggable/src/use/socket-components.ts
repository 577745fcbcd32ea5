import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { type ComponentDefinition, errorMessage, kindOfTypePrefix } from '@outrigger/core';
import type { ComponentSource, WantedType } from '@outrigger/runtime';

import { isPluggableKind, type PluggableKind, servicesOfKind } from '../services.ts';
import { socketIdentity } from './component-socket.ts';
import { remoteDefinition } from './remote-definition.ts';
import { servicesBehind } from './socket-services.ts';

/** Where Dapr looks, too. */
export const defaultSocketsFolder = '/tmp/dapr-components-sockets';

export interface SocketComponentsOptions {
  /** Default: env `DAPR_COMPONENTS_SOCKETS_FOLDER`, else {@link defaultSocketsFolder}. */
  readonly folder?: string;
}

/** Milliseconds between two looks at the folder for a socket that is still to come. */
const lookInterval = 100;
/** Milliseconds for a process to say what it is, while there is no hurry. */
const answerPatience = 5000;

/** The components in other processes that answer on the Unix sockets of a folder. A folder that is not there has none. */
export function socketComponents(options: SocketComponentsOptions = {}): ComponentSource {
  return new SocketFolder(options.folder ?? (process.env['DAPR_COMPONENTS_SOCKETS_FOLDER'] || defaultSocketsFolder));
}

class SocketFolder implements ComponentSource {
  readonly #folder: string;
  /** Services by socket file. */
  readonly #services = new Map<string, ReadonlySet<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async find(wanted: WantedType, patience?: AbortSignal): Promise<ComponentDefinition | undefined> {
    const [, prefix = '', name = ''] = /^([^.]+)\.(.+)$/.exec(wanted.type.toLowerCase()) ?? [];
    const kind = kindOfTypePrefix.get(prefix);
    if (kind === undefined || !isPluggableKind(kind) || name === '' || !['', 'v0', 'v1'].includes(wanted.version)) {
      return undefined;
    }
    for (;;) {
      const found = await this.#look(kind, name, wanted, patience ?? AbortSignal.timeout(answerPatience));
      if (found !== undefined || patience === undefined || patience.aborted || !(await this.#exists())) return found;
      await sleep(lookInterval, undefined, { signal: patience }).catch(() => undefined);
    }
  }

  async missing({ type }: WantedType): Promise<string | undefined> {
    const [prefix = '', ...rest] = type.toLowerCase().split('.');
    const kind = kindOfTypePrefix.get(prefix);
    if (kind === undefined || !isPluggableKind(kind)) return undefined;
    const name = rest.join('.');
    if (!(await this.#exists()))
      return `no pluggable component of that name either: there is no folder ${this.#folder}`;
    const path = (await this.#sockets(name))[0];
    if (path === undefined) return `no socket ${name}.* in ${this.#folder} either`;
    try {
      const services = await servicesBehind(path, AbortSignal.timeout(answerPatience));
      const shown = [...services].filter((service) => service.startsWith('dapr.')).join(', ');
      return `the process behind the socket ${path} serves ${shown || 'nothing of Dapr'}, and so no ${prefix} component`;
    } catch (error) {
      return `the socket ${path} is there, but ${errorMessage(error)}`;
    }
  }

  /** Whether something could come: there is a folder. */
  async #exists(): Promise<boolean> {
    return (await this.#entries()) !== undefined;
  }

  async #look(
    kind: PluggableKind,
    name: string,
    { type, version }: WantedType,
    signal: AbortSignal,
  ): Promise<ComponentDefinition | undefined> {
    for (const path of await this.#sockets(name)) {
      try {
        const services = await this.#servicesBehind(path, signal);
        if (!servicesOfKind[kind].some((service) => services.has(service))) continue;
        return remoteDefinition({ kind, type, version, path, services });
      } catch {
        // Nobody answers there, yet or any more; `missing` says so when it stays like that.
      }
    }
    return undefined;
  }

  async #servicesBehind(path: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const identity = `${path} ${await socketIdentity(path)}`;
    const known = this.#services.get(identity);
    if (known !== undefined) return known;
    const services = await servicesBehind(path, signal);
    this.#services.set(identity, services);
    return services;
  }

  /** Sockets whose name without its ending is this one, in any case. */
  async #sockets(name: string): Promise<readonly string[]> {
    const entries = (await this.#entries()) ?? [];
    return entries
      .filter((entry) => entry.isSocket() && parse(entry.name).name.toLowerCase() === name)
      .map((entry) => join(this.#folder, entry.name));
  }

  async #entries() {
    try {
      return await readdir(this.#folder, { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new Error(`the folder ${this.#folder} of pluggable components cannot be read: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }
}
