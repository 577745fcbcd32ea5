import { type ComponentKind, kindOfTypePrefix } from '@outrigger/core';

import type { ComponentTarget } from './policies.ts';

const levelNames: Readonly<Partial<Record<ComponentKind, string>>> = {
  state: 'Statestore',
  pubsub: 'Pubsub',
  bindings: 'Binding',
  secrets: 'Secretstore',
  configuration: 'Configuration',
  lock: 'Lock',
  crypto: 'Crypto',
};

/** From the narrowest to the widest, without the top one: `StatestoreComponentOutbound`, `ComponentOutbound`, `Component`. */
export function levelsOf(type: string, direction: 'outbound' | 'inbound'): string[] {
  const side = direction === 'outbound' ? 'Outbound' : 'Inbound';
  const level = levelOf(type);
  return [...(level === undefined ? [] : [`${level}Component${side}`]), `Component${side}`, 'Component'];
}

/** What metrics call a component: `Statestore_store`. */
export function componentLabel({ name, type }: ComponentTarget): string {
  return `${levelOf(type) ?? type.split('.')[0]}_${name}`;
}

function levelOf(type: string): string | undefined {
  const kind = kindOfTypePrefix.get(type.split('.')[0] ?? '');
  return kind && levelNames[kind];
}
