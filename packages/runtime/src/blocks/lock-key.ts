import { ComponentError } from '@outrigger/core';

const separator = '||';

/**
 * What stands before every resource id of a store, after the component's `keyPrefix`: `lock||` and then `<app id>||`
 * (`appid`, the default), `<name>||` (`name`), nothing (`none`), or a text of its own. As in Dapr the setting counts in lower
 * case, the text too, and there is no `namespace`: that is such a text. Throws when it holds `||`.
 */
export function lockKeyPrefix(
  setting: string | undefined,
  { name, appId }: { readonly name: string; readonly appId: string },
): string {
  const strategy = (setting ?? '').toLowerCase();
  if (strategy.includes(separator)) {
    throw new ComponentError(
      'invalid-argument',
      `component "${name}": keyPrefix '${setting}' can't contain '||'; take appid, name, none or a text without it`,
    );
  }
  const owner = ownerOf(strategy, name, appId);
  return `lock${separator}${owner === '' ? '' : owner + separator}`;
}

function ownerOf(strategy: string, name: string, appId: string): string {
  switch (strategy) {
    case '':
    case 'appid':
      return appId;
    case 'name':
      return name;
    case 'none':
      return '';
    default:
      return strategy;
  }
}

/** Throws for an id that would break out of its prefix. */
export function checkResourceId(resourceId: string): void {
  if (!resourceId.includes(separator)) return;
  throw new ComponentError('invalid-argument', `input key/keyPrefix '${resourceId}' can't contain '||'`);
}
