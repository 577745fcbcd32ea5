import {
  type Bindings,
  type ComponentDefinition,
  type ComponentKinds,
  type CreateContext,
  defineComponent,
} from '@outrigger/core';
import {
  InputBindingDefinition,
  OutputBindingDefinition,
  PubSubDefinition,
  SecretStoreDefinition,
  StateStoreDefinition,
} from '@outrigger/protocol/components';

import type { PluggableKind } from '../services.ts';
import { ComponentSocket, type PlainCall } from './component-socket.ts';
import { RemoteBindings } from './remote-bindings.ts';
import { RemotePubSub } from './remote-pubsub.ts';
import { RemoteSecretStore } from './remote-secret-store.ts';
import { type RemoteStateAbilities, remoteStateAbilities, RemoteStateStore } from './remote-state-store.ts';

export interface RemoteDefinitionOptions {
  readonly kind: PluggableKind;
  /** `state.theirs` */
  readonly type: string;
  readonly version: string;
  /** Of the socket. */
  readonly path: string;
  /** The names of all services behind it. */
  readonly services: ReadonlySet<string>;
}

/** A component behind a socket as any other definition; what its metadata may hold only the process knows. */
export function remoteDefinition({
  kind,
  type,
  version,
  path,
  services,
}: RemoteDefinitionOptions): ComponentDefinition {
  const create = async (context: CreateContext): Promise<ComponentKinds[PluggableKind]> =>
    creators[kind](new Place(path, services, context), context);
  return defineComponent({
    kind,
    type,
    version,
    description: `Whatever answers on ${path}`,
    metadata: {},
    takesAnyMetadata: true,
    create,
  });
}

/** Opens the way to a component and asks, each time it is told its properties, what it can do. */
class Place {
  readonly services: ReadonlySet<string>;
  readonly #path: string;
  readonly #context: CreateContext;

  constructor(path: string, services: ReadonlySet<string>, context: CreateContext) {
    this.services = services;
    this.#path = path;
    this.#context = context;
  }

  /** Resolves once the component is told what it is. What `init` resolves to the first time comes back. */
  async open<T>(
    init: (call: PlainCall, signal: AbortSignal) => Promise<T>,
  ): Promise<{ socket: ComponentSocket; abilities: T }> {
    const { name, logger, signal } = this.#context;
    let abilities: T | undefined;
    const socket = new ComponentSocket({
      path: this.#path,
      instance: name,
      init: async (call, own) => {
        // What it can do was told to the engine at the start; a process that comes back with less refuses what it lacks.
        abilities = await init(call, own);
      },
      logger,
    });
    try {
      await socket.connected(signal);
    } catch (error) {
      await socket[Symbol.asyncDispose]();
      throw error;
    }
    return { socket, abilities: abilities as T };
  }

  /** `Init`, as all services have it. */
  get properties(): { metadata: { properties: Record<string, string> } } {
    return { metadata: { properties: { ...this.#context.properties } } };
  }

  directionAllows(direction: 'input' | 'output'): boolean {
    const given = Object.entries(this.#context.properties).find(([name]) => name.toLowerCase() === 'direction')?.[1];
    return !given || given.toLowerCase().includes(direction);
  }
}

type Creator<T> = (place: Place, context: CreateContext) => Promise<T>;

const creators: { readonly [K in PluggableKind]: Creator<ComponentKinds[K]> } = {
  state: async (place) => {
    const { fullName: service, methods } = StateStoreDefinition;
    const { socket, abilities } = await place.open<RemoteStateAbilities>(async (call, signal) => {
      await call({ service, method: methods.init }, place.properties, signal);
      return remoteStateAbilities(call, place.services, signal);
    });
    return new RemoteStateStore(socket, abilities);
  },

  pubsub: async (place, { name, logger }) => {
    const { fullName: service, methods } = PubSubDefinition;
    const { socket, abilities } = await place.open(async (call, signal) => {
      await call({ service, method: methods.init }, place.properties, signal);
      return call({ service, method: methods.features }, {}, signal);
    });
    return new RemotePubSub(socket, name, abilities.features, logger);
  },

  secrets: async (place) => {
    const { fullName: service, methods } = SecretStoreDefinition;
    const { socket, abilities } = await place.open(async (call, signal) => {
      await call({ service, method: methods.init }, place.properties, signal);
      return call({ service, method: methods.features }, {}, signal);
    });
    return new RemoteSecretStore(socket, abilities.features);
  },

  bindings: async (place, { logger }): Promise<Bindings> => {
    const [input, output] = [InputBindingDefinition, OutputBindingDefinition];
    const isInput = place.services.has(input.fullName) && place.directionAllows('input');
    const isOutput = place.services.has(output.fullName) && place.directionAllows('output');
    const { socket, abilities } = await place.open(async (call, signal) => {
      if (isInput) await call({ service: input.fullName, method: input.methods.init }, place.properties, signal);
      if (!isOutput) return undefined;
      await call({ service: output.fullName, method: output.methods.init }, place.properties, signal);
      return call({ service: output.fullName, method: output.methods.listOperations }, {}, signal);
    });
    // One that our own side serves may have no operations, as it is an input alone.
    const operations = abilities?.operations;
    return new RemoteBindings(socket, operations?.length === 0 && isInput ? undefined : operations, isInput, logger);
  },
};
