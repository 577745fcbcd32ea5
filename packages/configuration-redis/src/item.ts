import type { ConfigurationItem } from '@outrigger/core';

/** What is told of an item that is gone. */
export const deletedItem: ConfigurationItem = { value: '', version: '', metadata: {} };

/** The item in a text of Redis: `value||version`, or the value alone. */
export function itemOf(text: string): ConfigurationItem {
  const [value = '', version = ''] = text.split('||');
  return { value, version, metadata: {} };
}
