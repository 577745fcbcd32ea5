import { parseMetadata } from '@outrigger/core';
import { describe, expect, it } from 'vitest';
import type { TransportName } from './address.ts';
import { pulsarFields } from './fields.ts';
import { refuseWhatIsLacking } from './transport-limits.ts';

const check = (transport: TransportName, properties: Record<string, string>) => () =>
  refuseWhatIsLacking(transport, parseMetadata(pulsarFields, { host: 'x:1', ...properties }).values);

describe('what a transport cannot do', () => {
  it.each([
    ['websocket', 'publicKey', '/key.pem', 'pulsar-client'],
    ['websocket', 'replicateSubscriptionState', 'true', 'pulsar-client'],
    ['websocket', 'batchingMaxSize', '1000', 'pulsar-client'],
    ['websocket', 'listenerName', 'internal', 'pulsar-client'],
    ['native', 'subscribeMode', 'non_durable', 'set transport to websocket'],
  ] as const)('the %s transport refuses %s, and says what does it', (transport, name, value, how) => {
    expect(check(transport, { [name]: value })).toThrow(
      new RegExp(`${transport} transport cannot do ${name}: .*${how}`),
    );
  });

  it('refuses what neither does', () => {
    for (const transport of ['websocket', 'native'] as const) {
      expect(check(transport, { autoDiscoveryPeriod: '1m' })).toThrow(/autoDiscoveryPeriod: leave it out$/);
    }
  });

  it('accepts defaults that are spelled out', () => {
    const spelled = {
      batchingMaxSize: '131072',
      compressionLevel: 'default',
      autoDiscoveryPeriod: '0s',
      subscribeMode: 'durable',
    };
    expect(check('websocket', spelled)).not.toThrow();
    expect(check('native', spelled)).not.toThrow();
  });
});
