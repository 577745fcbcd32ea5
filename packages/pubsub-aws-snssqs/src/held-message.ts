import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import { nameOfArn } from './names.ts';
import { decodeBody } from './sns-message.ts';

/** A received message until it is deleted or given back. */
export interface HeldMessage {
  readonly id: string;
  /** Of the last receive; an older one may no longer be good. */
  receipt: string;
  /** When SQS shows the message to other consumers again, unless it is renewed; milliseconds since the epoch. */
  hiddenUntil: number;
  /** With this receive. */
  receives: number;
  readonly group: string | undefined;
  /** The name of the SNS topic; `undefined` where the message did not come through a topic. */
  readonly topicName: string | undefined;
  readonly data: Uint8Array;
  readonly body: string;
  /** In memory. */
  readonly bytes: number;
}

export function heldMessage(message: SqsMessage, hiddenUntil: number): HeldMessage {
  const { MessageId = '', ReceiptHandle = '', Body = '', Attributes = {} } = message;
  const { topicArn, data } = decodeBody(Body);
  return {
    id: MessageId,
    receipt: ReceiptHandle,
    hiddenUntil,
    receives: Number(Attributes['ApproximateReceiveCount'] ?? 1),
    group: Attributes['MessageGroupId'],
    topicName: topicArn === undefined ? undefined : nameOfArn(topicArn),
    data,
    body: Body,
    bytes: Body.length * 2 + data.byteLength,
  };
}
