import { backpressureCases } from './backpressure.ts';
import { batchCases } from './batches.ts';
import { brokerFaultCases } from './broker-faults.ts';
import { bulkPublishCases } from './bulk-publish.ts';
import type { PubSubCase } from './case.ts';
import { deliveryCases } from './delivery.ts';
import { featureCases } from './features.ts';
import { groupCases } from './groups.ts';
import { networkFaultCases } from './network-faults.ts';
import { orderCases } from './order.ts';
import { publishingCases } from './publishing.ts';
import { rebalanceCases } from './rebalance.ts';
import { shutdownCases } from './shutdown.ts';
import { subscriptionCases } from './subscriptions.ts';

/** All cases by what they are about. */
export const themes: ReadonlyMap<string, readonly PubSubCase[]> = new Map([
  ['publishing', publishingCases],
  ['bulk publish', bulkPublishCases],
  ['delivery', deliveryCases],
  ['order', orderCases],
  ['batches', batchCases],
  ['subscriptions', subscriptionCases],
  ['claimed features', featureCases],
  ['consumer groups', groupCases],
  ['instances that join and leave', rebalanceCases],
  ['shutdown', shutdownCases],
  ['backpressure', backpressureCases],
  ['a broker that dies', brokerFaultCases],
  ['a network that is cut', networkFaultCases],
]);
