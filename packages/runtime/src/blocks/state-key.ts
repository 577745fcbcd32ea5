import { ComponentError } from '@outrigger/core';

import { illegalKey } from './state-errors.ts';

const separator = '||';

export interface KeyPrefixContext {
  /** The component's name. */
  readonly name: string;
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
}

/**
 * What stands before every key of a store, separator included, after the component's `keyPrefix`: `appid` (default), `name`,
 * `namespace` (`<namespace>.<app id>`, the app id alone without a namespace), `none`, or a text of its own. As in Dapr the
 * setting counts in lower case, the text too. Throws when it holds `||`.
 */
export function keyPrefix(setting: string | undefined, { name, appId, namespace }: KeyPrefixContext): string {
  const strategy = (setting ?? '').toLowerCase();
  if (strategy.includes(separator)) {
    throw new ComponentError(
      'invalid-argument',
      `component "${name}": keyPrefix '${setting}' can't contain '||'; take appid, name, namespace, none or a text without it`,
    );
  }
  switch (strategy) {
    case '':
    case 'appid':
      return appId === '' ? '' : appId + separator;
    case 'name':
      return name + separator;
    case 'namespace': {
      const owner = namespace === '' || appId === '' ? appId : `${namespace}.${appId}`;
      return owner === '' ? '' : owner + separator;
    }
    case 'none':
      return '';
    default:
      return strategy + separator;
  }
}

/** Throws 400 `ERR_MALFORMED_REQUEST` for a key that would break out of its prefix. */
export function checkKey(store: string, key: string): void {
  if (key.includes(separator)) throw illegalKey(store, key);
}
