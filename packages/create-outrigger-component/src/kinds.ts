/** What a template is for: the building block, the first word of its type, and what the block is called. */
export const kinds = {
  state: { prefix: 'state', title: 'a state store' },
  secrets: { prefix: 'secretstores', title: 'a secret store' },
  pubsub: { prefix: 'pubsub', title: 'a message broker' },
  bindings: { prefix: 'bindings', title: 'an input or output binding' },
} as const;

export type Kind = keyof typeof kinds;

export function isKind(text: string): text is Kind {
  return Object.hasOwn(kinds, text);
}
