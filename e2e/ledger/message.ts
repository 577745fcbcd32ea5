/** What kind of subscription a message goes to. A run has all of them at once, each with a component and a topic of its own. */
export const laneNames = ['plain', 'policy', 'bulk'] as const;

/**
 * - `plain`: no resiliency policy, no dead letter topic: what fails comes again because the component hands it over again.
 * - `policy`: an inbound policy (timeout, retries without end) and a dead letter topic, which must get only what the app drops.
 * - `bulk`: published and subscribed to in bulk, without a policy.
 */
export type LaneName = (typeof laneNames)[number];

/** A numbered message. Its number counts within its lane and key, from 0. */
export interface NumberedMessage {
  readonly lane: LaneName;
  readonly key: number;
  readonly seq: number;
  /** The app answers DROP: the one cause for a dead letter. */
  readonly drop?: true;
  /** The app fails it for as long as it is told to. */
  readonly stuck?: true;
  /** Makes it about 200 bytes long. */
  readonly pad: string;
}

export type MessageId = `${LaneName}/${number}/${number}`;

export function idOf({ lane, key, seq }: Pick<NumberedMessage, 'lane' | 'key' | 'seq'>): MessageId {
  return `${lane}/${key}/${seq}`;
}

const pad = 'x'.repeat(140);

export function numberedMessage(
  lane: LaneName,
  key: number,
  seq: number,
  marks: Pick<NumberedMessage, 'drop' | 'stuck'> = {},
): NumberedMessage {
  return { lane, key, seq, ...marks, pad };
}
