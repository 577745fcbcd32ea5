import { decode, encode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { answerOf, canBeNamed, instancesIn, namesOf } from './records.ts';

/** `orders` on `box`, process 4711, at 10.1.2.3:50002, as Dapr's library answers a browse: with the question, without compression. */
const fromDapr = Buffer.from(
  [
    'abcd 8000 0001 0001 0000 0003',
    '066f7264657273056c6f63616c00 000c 0001',
    '066f7264657273056c6f63616c00 000c 0001 00000c80 0017 08626f783a34373131 066f7264657273056c6f63616c00',
    '08626f783a34373131066f7264657273056c6f63616c00 0021 0001 00000c80 0011 0000 0000 c352 03626f78056c6f63616c00',
    '08626f783a34373131066f7264657273056c6f63616c00 0010 0001 00000c80 0007 066f7264657273',
    '03626f78056c6f63616c00 0001 0001 00000c80 0004 0a010203',
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

const seen = { name: 'box:4711.orders.local', appId: 'orders', host: '10.1.2.3', port: 50_002, ttl: 3200 };

describe('records', () => {
  it('of Dapr are understood', () => {
    expect(instancesIn(decode(fromDapr))).toEqual([seen]);
  });

  it('of ours hold in one packet all that Dapr needs, under the names that it asks for', () => {
    const instance = { appId: 'orders', namespace: 'shop', host: '10.1.2.3', port: 50_002 };
    const names = namesOf(instance, 'box.example.org');
    const packet = decode(encode({ type: 'response', ...answerOf(instance, names) }));
    expect(packet.answers).toMatchObject([{ name: 'orders.local', type: 'PTR', data: names.instance }]);
    expect(names.instance).toBe(`box:${process.pid}:50002:0.orders.local`);
    expect(packet.additionals).toMatchObject([
      { name: names.instance, type: 'SRV', data: { port: 50_002, target: 'box.local' } },
      { name: names.instance, type: 'TXT', data: [Buffer.from('orders')] },
      { name: 'box.local', type: 'A', data: '10.1.2.3' },
    ]);
    expect(instancesIn(packet)).toEqual([{ ...seen, name: names.instance, ttl: 120 }]);
    const goodbye = decode(encode({ type: 'response', ...answerOf(instance, names, true) }));
    expect(instancesIn(goodbye)).toMatchObject([{ name: names.instance, ttl: 0 }]);
  });

  it('of an app with a similar name, or without an address that can be called, are passed over', () => {
    const instance = { appId: 'orders', namespace: '', host: '224.0.0.1', port: 50_002 };
    const names = namesOf(instance, 'box');
    expect(instancesIn(decode(encode({ type: 'response', ...answerOf(instance, names) })))).toEqual([]);
    const other = answerOf({ ...instance, host: '10.1.2.3', appId: 'other' }, names);
    expect(instancesIn(decode(encode({ type: 'response', ...other })))).toEqual([]);
  });

  it('need an app id that fits into a name', () => {
    expect(['orders', 'a.b', 'x'.repeat(63)].map(canBeNamed)).toEqual([true, true, true]);
    expect(['', 'a..b', 'x'.repeat(64)].map(canBeNamed)).toEqual([false, false, false]);
  });
});
