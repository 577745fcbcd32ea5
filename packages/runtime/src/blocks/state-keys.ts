import type { StateStore } from '@outrigger/core';

import type { StateKeys, StateKeysRequest } from './state.ts';
import { stateKeysNotSupported } from './state-errors.ts';

const most = 1000;

/** Lists the keys of a store that stand behind `owner`, the prefix of the app's keys. The rest is as {@link StateHandle.keys} says. */
export async function listKeys(
  name: string,
  store: StateStore,
  owner: string,
  { prefix = '', limit = 100, token }: StateKeysRequest,
  signal: AbortSignal,
): Promise<StateKeys> {
  if (store.keysLike === undefined) throw stateKeysNotSupported(name);
  const pageSize = Math.min(most, Math.max(1, Math.trunc(limit) || 1));
  const pattern = `${(owner + prefix).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const found = await store.keysLike({ pattern, pageSize, ...(token && { continuationToken: token }) }, signal);
  return {
    // where the app's keys have no prefix, those of others lie between them: nobody reads these by the app's name
    keys: found.keys.flatMap((key) => {
      const own = key.slice(owner.length);
      return key.startsWith(owner + prefix) && !own.includes('||') ? [own] : [];
    }),
    ...(found.continuationToken && { token: found.continuationToken }),
  };
}
