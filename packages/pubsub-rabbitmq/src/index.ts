import { defineComponent, field } from '@outrigger/core';
import { brokerAddress, showAddress } from './broker-address.ts';
import { connectTo } from './connect.ts';
import { Outage } from './outage.ts';
import { RabbitMqPubSub } from './rabbitmq-pubsub.ts';
import { delayedKind } from './topology.ts';

const kinds = ['fanout', 'topic', 'direct', 'headers'] as const;

export default defineComponent({
  kind: 'pubsub',
  type: 'pubsub.rabbitmq',
  version: 'v1',
  description: 'Messages over RabbitMQ (AMQP 0-9-1)',
  metadata: {
    connectionString: field.text({
      description:
        'The broker with user, password and virtual host; without it `hostname`, `username` and `password` count',
      aliases: ['host'],
      secret: true,
      example: 'amqp://user:password@localhost:5672/vhost',
    }),
    protocol: field.oneOf(['amqp', 'amqps'], {
      description: '`amqps` is over TLS. Default: what `connectionString` says, else `amqp`',
    }),
    hostname: field.text({ description: 'Host, or `host:port`', default: 'localhost' }),
    username: field.text({ description: 'User for the login. Default: guest' }),
    password: field.text({ description: 'Password for the login. Default: guest', secret: true }),
    caCert: field.text({ description: 'PEM text of the authority that has signed the certificate of the broker' }),
    clientCert: field.text({ description: 'PEM text of the client certificate, for mutual TLS' }),
    clientKey: field.text({ description: 'PEM text of the client key, for mutual TLS', secret: true }),
    saslExternal: field.flag({
      description: 'The user is the one that the client certificate names; there is no password',
      default: false,
    }),
    consumerID: field.text({
      description:
        'Names the queues, `<consumerID>-<topic>`: each gets every message, its instances share them. Default: the app id',
    }),
    durable: field.flag({ description: 'The queue outlives a restart of the broker', default: true }),
    deletedWhenUnused: field.flag({
      description:
        'The broker deletes the queue, with all that waits in it, when its last consumer leaves. Default: false (Dapr: true); a queue that exists with it is used as it is',
    }),
    autoAck: field.flag({
      description:
        'Acknowledge a message when it is handed over: one that fails, or is handled during a crash, is lost',
      default: false,
    }),
    deliveryMode: field.integer({
      description:
        '2: messages in durable queues outlive a restart of the broker; 0 and 1: they are lost by one. Dapr: 0',
      default: 2,
      min: 0,
      max: 2,
    }),
    requeueInFailure: field.flag({
      description:
        'A message that failed goes back to the queue after a pause, for any instance; without it the instance that has it tries again. Neither loses it',
      default: false,
    }),
    enableDeadLetter: field.flag({
      description:
        'Make `dlx-<queue>` and `dlq-<queue>`. Without `requeueInFailure` a message that failed goes there after one try',
      default: false,
    }),
    redeliverInterval: field.duration({
      description:
        'The pause before a message that failed is tried again; doubles with each failure, up to 30s. Not in Dapr',
      default: 1000,
      min: 0,
    }),
    prefetchCount: field.integer({
      description:
        'Messages fetched ahead, for each subscription; 0: as many as fit into 16 MiB, at most 100 (Dapr: unlimited)',
      default: 0,
      min: 0,
      max: 65_535,
    }),
    concurrency: field.oneOf(['parallel', 'single'], {
      description:
        '`parallel`: as many at a time as are fetched ahead; `single`: one at a time, in order, and nothing passes one that fails',
      default: 'parallel',
    }),
    exchangeKind: field.oneOf([...kinds, delayedKind], {
      description: `Kind of the exchange that a topic is; \`${delayedKind}\` needs the broker's delayed-message plugin`,
      default: 'fanout',
    }),
    delayedExchangeKind: field.oneOf(kinds, {
      description: `With \`${delayedKind}\`: the kind it is after the delay. Not in Dapr`,
      default: 'fanout',
    }),
    publisherConfirm: field.flag({
      description: 'No effect: a publish always waits for the confirmation of the broker',
      default: false,
    }),
    maxLen: field.integer({
      description:
        'Most messages of a queue and of its dead-letter queue; beyond it the broker drops the oldest. 0: no limit',
      min: 0,
    }),
    maxLenBytes: field.integer({
      description:
        'Most bytes of a queue and of its dead-letter queue; beyond it the broker drops the oldest. 0: no limit',
      min: 0,
    }),
    ttlInSeconds: field.duration({
      description: 'Time to live of messages that say none themselves',
      plainUnit: 's',
      min: 0,
    }),
    reconnectWaitSeconds: field.duration({
      description:
        'The longest pause between two attempts to reconnect; three times as long a publish waits for the broker to come back',
      plainUnit: 's',
      default: 3000,
      min: 0,
    }),
    heartBeat: field.duration({
      description: 'A connection that is silent for two to three times as long is lost; 0: never',
      plainUnit: 's',
      default: 10_000,
      min: 0,
    }),
    clientName: field.text({
      description: 'How the management UI calls the connections. Default: app id and component',
    }),
    publishMessagePropertiesToMetadata: field.flag({
      description:
        'Give subscribers `metadata.messageid` and the like for the properties of a message, and `metadata.<header>`',
      default: false,
    }),
  },
  create: async ({ metadata, name, appId, logger, signal }) => {
    const address = brokerAddress(metadata);
    const connect = connectTo(address, {
      heartbeatSeconds: Math.ceil(metadata.heartBeat / 1000),
      clientName: metadata.clientName ?? (appId === '' ? name : `${appId}/${name}`),
    });
    return RabbitMqPubSub.open(
      {
        connections: {
          connect,
          outage: new Outage(logger, showAddress(address)),
          reconnectWaitMs: metadata.reconnectWaitSeconds,
        },
        topology: {
          consumerId: metadata.consumerID ?? appId,
          exchangeKind: metadata.exchangeKind,
          delayedExchangeKind: metadata.delayedExchangeKind,
          durable: metadata.durable,
          deletedWhenUnused: metadata.deletedWhenUnused,
          enableDeadLetter: metadata.enableDeadLetter,
          maxLen: metadata.maxLen,
          maxLenBytes: metadata.maxLenBytes,
        },
        publishing: {
          persistent: metadata.deliveryMode === 2,
          ttlMs: metadata.ttlInSeconds === undefined || metadata.ttlInSeconds === 0 ? undefined : metadata.ttlInSeconds,
          canDelay: metadata.exchangeKind === delayedKind,
        },
        consumption: {
          autoAck: metadata.autoAck,
          enableDeadLetter: metadata.enableDeadLetter,
          requeueInFailure: metadata.requeueInFailure,
          concurrency: metadata.concurrency,
          prefetchCount: metadata.prefetchCount,
          redeliverIntervalMs: metadata.redeliverInterval,
          withProperties: metadata.publishMessagePropertiesToMetadata,
        },
      },
      logger,
      signal,
    );
  },
});
