import {
  ComponentError,
  type RequestMetadata,
  type Secret,
  type SecretStore,
  type SecretStoreFeature,
} from '@outrigger/core';
import { SecretStoreDefinition } from '@outrigger/protocol/components';

import type { ComponentSocket } from './component-socket.ts';

const { fullName: service, methods } = SecretStoreDefinition;

/** A secret store in another process. */
export class RemoteSecretStore implements SecretStore {
  readonly features: readonly SecretStoreFeature[];
  readonly #socket: ComponentSocket;

  constructor(socket: ComponentSocket, features: readonly string[]) {
    this.#socket = socket;
    this.features = features.includes('MULTIPLE_KEY_VALUES_PER_SECRET') ? ['multiple-key-values-per-secret'] : [];
  }

  /** A store that has no such secret says so with no data, or with NOT_FOUND. */
  async get(
    { name, metadata }: { readonly name: string; readonly metadata?: RequestMetadata },
    signal: AbortSignal,
  ): Promise<Secret | undefined> {
    try {
      const request = { key: name, metadata: { ...metadata } };
      const { data } = await this.#socket.call({ service, method: methods.get }, request, signal);
      return Object.keys(data).length === 0 ? undefined : data;
    } catch (error) {
      if (ComponentError.is(error) && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async getAll(
    { metadata }: { readonly metadata?: RequestMetadata },
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, Secret>>> {
    const request = { metadata: { ...metadata } };
    const { data } = await this.#socket.call({ service, method: methods.bulkGet }, request, signal);
    return Object.fromEntries(Object.entries(data).map(([name, { secrets }]) => [name, secrets]));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#socket[Symbol.asyncDispose]();
  }
}
