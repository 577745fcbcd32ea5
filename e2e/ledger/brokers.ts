import type { Broker } from './broker.ts';
import { redis } from './brokers/redis.ts';
import { sqlite } from './brokers/sqlite.ts';

export const brokers: readonly Broker[] = [sqlite, redis];
