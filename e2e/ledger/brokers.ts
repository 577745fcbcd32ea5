import type { Broker } from './broker.ts';
import { aws } from './brokers/aws.ts';
import { kafka } from './brokers/kafka.ts';
import { pulsar } from './brokers/pulsar.ts';
import { rabbitmq } from './brokers/rabbitmq.ts';
import { redis } from './brokers/redis.ts';
import { sqlite } from './brokers/sqlite.ts';

export const brokers: readonly Broker[] = [sqlite, redis, kafka, rabbitmq, pulsar, aws];
