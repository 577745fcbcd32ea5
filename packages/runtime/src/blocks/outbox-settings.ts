import { ComponentError } from '@outrigger/core';

/** What the metadata of a state component says of its outbox. */
export interface OutboxSettings {
  /** The pub/sub component that the events go to in the end. */
  readonly publishPubsub: string;
  readonly publishTopic: string;
  /** The pub/sub component that carries them until their transaction is known to be done. */
  readonly outboxPubsub: string;
  /** An event whose transaction cannot be found is dropped at once, not delivered again for a while. */
  readonly discardWhenMissingState: boolean;
}

const truthy: ReadonlySet<string> = new Set(['1', 'y', 'yes', 't', 'true', 'on']);

/** Whether a metadata value means yes, as Dapr reads them: `true`, `yes`, `on`, `1` and their first letters, in any case. */
export function isTruthy(value: string): boolean {
  return truthy.has(value.trim().toLowerCase());
}

/** `undefined` when no outbox is asked for. Throws a ComponentError for half of one, which would lose messages without a word. */
export function outboxSettings(properties: Readonly<Record<string, string>>): OutboxSettings | undefined {
  const byName = new Map(Object.entries(properties).map(([name, value]) => [name.toLowerCase(), value]));
  const of = (name: string): string => byName.get(name.toLowerCase()) ?? '';
  const publishPubsub = of('outboxPublishPubsub');
  const publishTopic = of('outboxPublishTopic');
  const outboxPubsub = of('outboxPubsub');
  if (publishPubsub === '' && publishTopic === '' && outboxPubsub === '') return undefined;
  for (const [field, value] of Object.entries({
    outboxPublishPubsub: publishPubsub,
    outboxPublishTopic: publishTopic,
  })) {
    if (value !== '') continue;
    throw new ComponentError(
      'invalid-argument',
      `${field} is missing: an outbox needs outboxPublishPubsub and outboxPublishTopic, the pub/sub component and the topic that its events go to`,
    );
  }
  return {
    publishPubsub,
    publishTopic,
    outboxPubsub: outboxPubsub || publishPubsub,
    discardWhenMissingState: isTruthy(of('outboxDiscardWhenMissingState')),
  };
}

/** Where events wait for their transaction; the same name as in Dapr, so that both can be at work on one broker. */
export function internalTopic(
  app: { readonly appId: string; readonly namespace: string },
  publishTopic: string,
): string {
  return `${app.namespace}${app.appId}${publishTopic}outbox`;
}
