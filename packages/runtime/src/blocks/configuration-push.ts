import {
  abortable,
  type ConfigurationItem,
  type ConfigurationItems,
  errorMessage,
  type Logger,
  type Policy,
} from '@outrigger/core';

import { type AppChannel, AppError, type AppRequest } from '../app-channel/app-channel.ts';
import { cancelBody } from './invocation-body.ts';

export interface ConfigurationPushOptions {
  /** Name of the component. */
  readonly store: string;
  readonly app: AppChannel;
  /** Asked with each item. */
  readonly policy: () => Policy | undefined;
  readonly logger: Logger;
}

/** Tells the app of changed items: one request per item, as Dapr makes it. */
export class ConfigurationPush {
  readonly #options: ConfigurationPushOptions;
  readonly #cut = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: ConfigurationPushOptions) {
    this.#options = options;
  }

  /** Resolves once the app was told of each, in order. An item that the app does not take is logged, and the next one told. */
  async tell(id: string, items: ConfigurationItems): Promise<void> {
    const telling = this.#tell(id, items);
    this.#underWay.add(telling);
    try {
      await telling;
    } finally {
      this.#underWay.delete(telling);
    }
  }

  /** Resolves when the app has answered all that it is being told; what is left when `grace` aborts is broken off. */
  async settled(grace: AbortSignal): Promise<void> {
    try {
      await abortable(Promise.allSettled(this.#underWay), grace);
    } catch {
      this.#cut.abort(new Error('the runtime is stopping'));
    }
  }

  async #tell(id: string, items: ConfigurationItems): Promise<void> {
    const { store, logger } = this.#options;
    for (const [key, item] of Object.entries(items)) {
      const policy = this.#options.policy();
      const request = pushRequest(store, id, key, item);
      try {
        const call = (signal: AbortSignal) => this.#send(request, signal);
        await (policy === undefined ? call(this.#cut.signal) : policy.execute(call, this.#cut.signal));
      } catch (error) {
        logger.error(
          `error sending configuration item ${key} of store ${store} to the app: ${errorMessage(error)}; it is not sent again`,
        );
      }
    }
  }

  async #send(request: AppRequest, signal: AbortSignal): Promise<void> {
    const { status, body } = await this.#options.app.invoke(request, signal);
    cancelBody(body);
    if (status < 200 || status > 299) throw new AppError(`the app answered with status ${status}`, status);
  }
}

function pushRequest(store: string, id: string, key: string, item: ConfigurationItem): AppRequest {
  const body = Buffer.from(JSON.stringify({ id, items: { [key]: item } }));
  return {
    verb: 'POST',
    path: `/configuration/${[store, ...key.split('/')].map(pathSegment).join('/')}`,
    query: '',
    headers: { 'content-type': 'application/json', 'content-length': String(body.byteLength) },
    body,
  };
}

/** Escapes what a path segment cannot hold, and dots that would lead elsewhere; keys such as `orders:limit` stay as they are. */
function pathSegment(text: string): string {
  if (text === '.' || text === '..') return text.replaceAll('.', '%2E');
  return encodeURIComponent(text.toWellFormed()).replaceAll(/%(3A|40|24|26|2B|2C|3B|3D)/g, decodeURIComponent);
}
