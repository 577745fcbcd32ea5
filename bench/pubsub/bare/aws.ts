import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { BareClient } from './bare-client.ts';

export async function connect(address: string): Promise<BareClient> {
  const settings = {
    endpoint: `http://${address}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  };
  const [sns, sqs] = [new SNSClient(settings), new SQSClient(settings)];
  const topics = new Map<string, Promise<string>>();
  const arnOf = (name: string): Promise<string> => {
    const known =
      topics.get(name) ?? sns.send(new CreateTopicCommand({ Name: name })).then(({ TopicArn = '' }) => TopicArn);
    topics.set(name, known);
    return known;
  };

  return {
    async publish(topic, data) {
      await sns.send(new PublishCommand({ TopicArn: await arnOf(topic), Message: data }));
    },
    async publishMany(topic, data) {
      const TopicArn = await arnOf(topic);
      const tens = Array.from({ length: Math.ceil(data.length / 10) }, (_, index) =>
        data.slice(index * 10, index * 10 + 10),
      );
      await Promise.all(
        tens.map((ten) =>
          sns.send(
            new PublishBatchCommand({
              TopicArn,
              PublishBatchRequestEntries: ten.map((Message, index) => ({ Id: String(index), Message })),
            }),
          ),
        ),
      );
    },
    async subscribe(topic, handler) {
      const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `bare-${topic}` }));
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
      await sns.send(
        new SubscribeCommand({
          TopicArn: await arnOf(topic),
          Protocol: 'sqs',
          Endpoint: Attributes?.['QueueArn'] ?? '',
          Attributes: { RawMessageDelivery: 'true' },
        }),
      );
      const read = async (): Promise<never> => {
        for (;;) {
          const request = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2 });
          const { Messages = [] } = await sqs.send(request);
          if (Messages.length === 0) continue;
          await Promise.all(Messages.map(({ Body = '' }) => handler(Body)));
          const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
          await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
        }
      };
      void read();
    },
  };
}
