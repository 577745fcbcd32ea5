import { type LogFields, type Logger, type Message, type Policy, silentLogger } from '@outrigger/core';
import inMemory from '@outrigger/pubsub-in-memory';
import { onTestFinished } from 'vitest';

import type { SubscriptionSpec } from '../src/app-channel/app-channel.ts';
import { HttpAppChannel } from '../src/app-channel/http.ts';
import { Broker, type BrokerOptions } from '../src/blocks/pubsub-broker.ts';
import { Publisher } from '../src/blocks/pubsub-publisher.ts';
import { Subscriptions } from '../src/blocks/subscriptions.ts';
import { type Answer, HttpApp, type ReceivedRequest } from './http-app.ts';

const never = new AbortController().signal;

export interface Scene {
  readonly app: HttpApp;
  readonly publisher: Publisher;
  readonly subscriptions: Subscriptions;
  readonly dead: Message[];
  readonly log: string[];
  publish(data: unknown, metadata?: Record<string, string>, contentType?: string): Promise<void>;
}

export interface Setup {
  readonly subscription?: Record<string, unknown>;
  readonly programmatic?: readonly unknown[];
  readonly declarative?: readonly SubscriptionSpec[];
  readonly components?: readonly { readonly name: string; readonly type: string }[];
  readonly handle: (request: ReceivedRequest) => Answer | Promise<Answer>;
  readonly inbound?: Policy;
  readonly broker?: Partial<BrokerOptions>;
}

/** An app on a port, a broker in memory, and everything between them. Messages of the topic `dead` are collected. */
export async function scene(setup: Setup): Promise<Scene> {
  const component = await inMemory.create({
    name: 'pubsub',
    metadata: { maxQueuedBytes: 1e6 },
    properties: {},
    appId: 'app',
    namespace: '',
    logger: silentLogger,
    signal: never,
  });
  const log: string[] = [];
  const logger = recorder(log);
  const broker = new Broker({
    name: 'pubsub',
    component,
    properties: {},
    namespaced: false,
    appId: 'app',
    namespace: '',
    inbound: () => setup.inbound,
    ...setup.broker,
  });
  const dead: Message[] = [];
  await component.subscribe(
    { topic: broker.wireTopic('dead'), metadata: {} },
    async (message) => void dead.push(message),
    never,
  );
  const own =
    setup.subscription === undefined ? [] : [{ pubsubname: 'pubsub', topic: 'orders', ...setup.subscription }];
  const app = await HttpApp.start((request) =>
    request.url === '/dapr/subscribe' ? { body: setup.programmatic ?? own } : setup.handle(request),
  );
  const channel = new HttpAppChannel({ appId: 'app', port: app.port, logger });
  const brokers = new Map([['pubsub', broker]]);
  const publisher = new Publisher(brokers);
  const declarative = (setup.declarative ?? []).map((spec, index) => ({
    spec,
    name: `number-${index + 1}`,
    file: 'subscriptions.yaml',
    line: index + 1,
  }));
  const components = setup.components ?? [];
  const subscriptions = new Subscriptions({ brokers, channel, declarative, components, logger });
  onTestFinished(async () => {
    await subscriptions.stop(AbortSignal.abort());
    await component[Symbol.asyncDispose]();
    await channel[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
  });
  await channel.ready(never);
  await subscriptions.start(never);
  return {
    app,
    publisher,
    subscriptions,
    dead,
    log,
    publish: (data, metadata = {}, contentType = 'application/json') =>
      publisher.publish({
        pubsubName: 'pubsub',
        topic: 'orders',
        data: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)),
        contentType,
        metadata,
      }),
  };
}

function recorder(log: string[]): Logger {
  const write = (message: string, _fields?: LogFields): void => void log.push(message);
  return { isEnabled: () => true, debug: write, info: write, warn: write, error: write };
}

export const acknowledge = (): Answer => ({});

export const answerStatus = (status: string) => (): Answer => ({ body: { status } });
