import { awsAccess } from '@outrigger/aws-client';
import { ComponentError, defineComponent } from '@outrigger/core';
import { AwsClients, loadSdk } from './aws-clients.ts';
import { fields } from './fields.ts';
import { settingsOf } from './settings.ts';
import { SnsSqsPubSub } from './snssqs-pubsub.ts';

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.aws.snssqs',
  version: 'v1',
  description: 'Messages over AWS SNS topics and SQS queues',
  metadata: fields,
  load: loadSdk,
  create: async ({ metadata, appId, logger, signal }) => {
    const settings = settingsOf(metadata, appId);
    const { accountID } = metadata;
    if (accountID !== undefined && !/^\d{12}$/.test(accountID)) {
      throw new ComponentError('invalid-argument', 'accountID must be 12 digits');
    }
    const access = { ...awsAccess(metadata), accountId: accountID };
    return new SnsSqsPubSub(await AwsClients.connect(access, settings.queueName, signal), settings, logger);
  },
});
