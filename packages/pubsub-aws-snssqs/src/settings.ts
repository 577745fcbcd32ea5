import { ComponentError, type MetadataOf } from '@outrigger/core';
import type { fields } from './fields.ts';
import { awsName, isEmptyName } from './names.ts';

/** With `concurrencyLimit` 0, which in Dapr is without a bound. */
const defaultConcurrency = 100;

export interface Settings {
  /** The queue; `undefined` when there is neither a consumer id nor an app id. */
  readonly queueName: string | undefined;
  readonly fifo: boolean;
  readonly messageGroupId: string | undefined;
  readonly visibilitySeconds: number;
  readonly waitSeconds: number;
  readonly batchSize: number;
  readonly single: boolean;
  readonly concurrency: number;
  /** Failed deliveries after which a message is deleted; `undefined`: never. */
  readonly deleteAfter: number | undefined;
  readonly deadLetters: { readonly queueName: string; readonly afterReceives: number } | undefined;
  readonly managesEntities: boolean;
  readonly assetsTimeoutMs: number;
}

/** Checks what belongs together and puts the fields into the form that the component works with. */
export function settingsOf(metadata: MetadataOf<typeof fields>, appId: string): Settings {
  const consumerId = metadata.consumerID ?? appId;
  const { fifo, messageReceiveLimit = 0, sqsDeadLettersQueueName } = metadata;
  if (messageReceiveLimit > 0 !== (sqsDeadLettersQueueName !== undefined)) {
    throw invalid('messageReceiveLimit and sqsDeadLettersQueueName must both be set, or neither');
  }
  if (sqsDeadLettersQueueName !== undefined && metadata.disableDeleteOnRetryLimit) {
    throw invalid('disableDeleteOnRetryLimit cannot be true beside sqsDeadLettersQueueName: leave one of them out');
  }
  if ((metadata.accessKey === undefined) !== (metadata.secretKey === undefined)) {
    throw invalid('accessKey and secretKey must both be set, or neither');
  }
  const queueName = consumerId === '' ? undefined : named('consumerID', consumerId, fifo);
  const deadLetters =
    sqsDeadLettersQueueName === undefined
      ? undefined
      : {
          queueName: named('sqsDeadLettersQueueName', sqsDeadLettersQueueName, fifo),
          afterReceives: messageReceiveLimit,
        };
  if (deadLetters !== undefined && deadLetters.queueName === queueName) {
    throw invalid('sqsDeadLettersQueueName must not be the queue of consumerID itself');
  }
  const single = metadata.concurrencyMode === 'single';
  return {
    queueName,
    fifo,
    messageGroupId: fifo ? (metadata.fifoMessageGroupID ?? (consumerId === '' ? undefined : consumerId)) : undefined,
    visibilitySeconds: metadata.messageVisibilityTimeout,
    waitSeconds: metadata.messageWaitTimeSeconds,
    batchSize: metadata.messageMaxNumber,
    single,
    concurrency: single ? 1 : metadata.concurrencyLimit || defaultConcurrency,
    deleteAfter: metadata.disableDeleteOnRetryLimit === false && !deadLetters ? metadata.messageRetryLimit : undefined,
    deadLetters,
    managesEntities: !metadata.disableEntityManagement,
    assetsTimeoutMs: metadata.assetsManagementTimeoutSeconds,
  };
}

function named(field: string, name: string, fifo: boolean): string {
  const sanitized = awsName(name, fifo);
  if (isEmptyName(sanitized)) {
    throw invalid(
      `${field} "${name}" holds none of the characters that a queue's name may have (A-Z, a-z, 0-9, - and _)`,
    );
  }
  return sanitized;
}

function invalid(message: string): ComponentError {
  return new ComponentError('invalid-argument', message);
}
