import { expect, test } from 'vitest';

import { Counted } from '../test/counted.ts';
import { ComponentMeter, metersOf } from './component-meter.ts';
import { noMetrics } from './metrics.ts';
import { PubSubMeter } from './pubsub-meter.ts';

const base = { component: 'store', namespace: 'shops' };

test('a call is counted with how it ended, and its latency under the same labels', async () => {
  const metrics = new Counted();
  const meter = new ComponentMeter(metrics, 'state', base);
  expect(await meter.measure('get', async () => 'value')).toBe('value');
  await expect(meter.measure('get', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
  await meter.measure('get', async () => undefined);
  const labels = '{component="store",namespace="shops",operation="get"';
  const expected = { [`${labels},success="true"}`]: 2, [`${labels},success="false"}`]: 1 };
  expect(metrics.of('dapr_component_state_count')).toEqual(expected);
  expect(metrics.of('dapr_component_state_latencies_count')).toEqual(expected);
});

test('of a batch each message is counted by how it ended, and what went out by whether it was taken', () => {
  const metrics = new Counted();
  const meter = new PubSubMeter(metrics, base);
  meter.batchDelivered('orders', { success: 3, retry: 1, drop: 0 }, 5);
  meter.bulkPublished('orders', 4, 3, 5);
  const labels = 'component="store",namespace="shops"';
  expect(metrics.of('dapr_component_pubsub_ingress_bulk_event_count')).toEqual({
    [`{${labels},process_status="success",topic="orders"}`]: 3,
    [`{${labels},process_status="retry",topic="orders"}`]: 1,
  });
  expect(metrics.of('dapr_component_pubsub_egress_bulk_count')).toEqual({
    [`{${labels},success="false",topic="orders"}`]: 1,
  });
  expect(metrics.of('dapr_component_pubsub_egress_bulk_event_count')).toEqual({
    [`{${labels},success="true",topic="orders"}`]: 3,
  });
});

test('where nobody serves metrics, nothing is measured', () => {
  expect(metersOf({ metrics: undefined, namespace: '' }, 'state')('store')).toBeUndefined();
  expect(metersOf({ metrics: noMetrics, namespace: '' }, 'state')('store')).toBeUndefined();
});
