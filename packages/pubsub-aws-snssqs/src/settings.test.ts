import { parseMetadata } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import { fields } from './fields.ts';
import { settingsOf } from './settings.ts';

function settings(properties: Record<string, string> = {}, appId = 'shop') {
  const { values, problems } = parseMetadata(fields, properties);
  expect(problems).toEqual([]);
  return settingsOf(values, appId);
}

describe('settings of pubsub.aws.snssqs', () => {
  it('are those of Dapr by default', () => {
    expect(settings()).toEqual({
      queueName: 'shop',
      fifo: false,
      messageGroupId: undefined,
      visibilitySeconds: 10,
      waitSeconds: 2,
      batchSize: 10,
      single: false,
      concurrency: 100,
      deleteAfter: undefined,
      deadLetters: undefined,
      managesEntities: true,
      assetsTimeoutMs: 5000,
    });
  });

  it('form the names of queues and the message group', () => {
    const { queueName, deadLetters, messageGroupId } = settings({
      fifo: 'true',
      consumerID: 'shop/one',
      sqsDeadLettersQueueName: 'failed',
      messageReceiveLimit: '3',
    });
    expect({ queueName, deadLetters, messageGroupId }).toEqual({
      queueName: 'shopone.fifo',
      deadLetters: { queueName: 'failed.fifo', afterReceives: 3 },
      messageGroupId: 'shop/one',
    });
    expect(settings({ fifo: 'true', fifoMessageGroupID: 'g' }).messageGroupId).toBe('g');
  });

  it.each([
    [{ concurrencyMode: 'single' }, { single: true, concurrency: 1 }],
    [
      { concurrencyMode: 'single', concurrencyLimit: '7' },
      { single: true, concurrency: 1 },
    ],
    [{ concurrencyLimit: '7' }, { single: false, concurrency: 7 }],
    [{ assetsManagementTimeoutSeconds: '0.5' }, { assetsTimeoutMs: 500 }],
    [{ disableEntityManagement: 'true' }, { managesEntities: false }],
    [{ disableDeleteOnRetryLimit: 'false' }, { deleteAfter: 10 }],
    [{ disableDeleteOnRetryLimit: 'false', messageRetryLimit: '3' }, { deleteAfter: 3 }],
    [{ disableDeleteOnRetryLimit: 'true', messageRetryLimit: '3' }, { deleteAfter: undefined }],
    [{ messageRetryLimit: '3' }, { deleteAfter: undefined }],
  ])('%j gives %j', (properties, expected) => {
    expect(settings(properties as Record<string, string>)).toMatchObject(expected);
  });

  it.each([
    [{ messageReceiveLimit: '3' }, 'messageReceiveLimit and sqsDeadLettersQueueName'],
    [{ sqsDeadLettersQueueName: 'failed' }, 'messageReceiveLimit and sqsDeadLettersQueueName'],
    [
      { sqsDeadLettersQueueName: 'failed', messageReceiveLimit: '3', disableDeleteOnRetryLimit: 'true' },
      'disableDeleteOnRetryLimit',
    ],
    [{ sqsDeadLettersQueueName: 'shop', messageReceiveLimit: '3' }, 'sqsDeadLettersQueueName'],
    [{ accessKey: 'a' }, 'accessKey and secretKey'],
    [{ secretKey: 'a' }, 'accessKey and secretKey'],
    [{ consumerID: '注文' }, 'consumerID'],
  ])('%j is refused with the fields to mend', (properties, named) => {
    expect(() => settings(properties as Record<string, string>)).toThrow(named);
  });
});
