import { ComponentError, type StateItem, type StateStore } from '@outrigger/core';
import { expect } from 'vitest';

import { StateBlock, type StateBlockOptions, type StateComponent } from '../src/blocks/state.ts';
import { ApiError } from '../src/errors.ts';

export const bytes = (text: string) => Buffer.from(text);
export const textOf = (item: StateItem | undefined) => item && Buffer.from(item.value).toString();

/** A small store over a Map; `etag` counts the writes. */
export function mapStore(more: Partial<StateStore> = {}) {
  const items = new Map<string, StateItem>();
  const requests: unknown[] = [];
  let writes = 0;
  const store: StateStore = {
    features: ['etag'],
    get: async (request) => {
      requests.push(request);
      return items.get(request.key);
    },
    set: async (request) => {
      requests.push(request);
      const current = items.get(request.key);
      if (request.etag !== undefined && current?.etag !== request.etag)
        throw new ComponentError('etag-mismatch', 'not the same');
      items.set(request.key, { value: request.value, etag: String(++writes) });
    },
    delete: async (request) => {
      requests.push(request);
      if (request.etag !== undefined && items.get(request.key)?.etag !== request.etag) {
        throw new ComponentError('etag-mismatch', 'not the same');
      }
      items.delete(request.key);
    },
    [Symbol.asyncDispose]: async () => {},
    ...more,
  };
  return { store, items, requests };
}

/** The store as the app `shop` sees it, under the name `orders`. */
export function handleOn(
  store: StateStore,
  component: Partial<StateComponent> = {},
  options: Partial<StateBlockOptions> = {},
) {
  const components = [{ name: 'orders', store, properties: {}, ...component }];
  return new StateBlock(components, { appId: 'shop', namespace: '', ...options }).store('orders');
}

/** The ApiError that a call rejects with. */
export async function failure(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}
