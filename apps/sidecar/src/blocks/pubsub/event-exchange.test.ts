import { silentLogger } from '@outrigger/core';
import type { TopicEvent } from '@outrigger/runtime';
import { expect, test } from 'vitest';

import { EventExchange } from './event-exchange.ts';

const never = new AbortController().signal;

function eventOf(id: string, data: string): TopicEvent {
  const cloudEvent = { id, datacontenttype: 'text/plain', data };
  const body = Buffer.from(JSON.stringify(cloudEvent));
  return { pubsubName: 'pubsub', topic: 'orders', path: '/', cloudEvent, body, metadata: {} };
}

function scene() {
  const exchange = new EventExchange(silentLogger);
  const events = exchange.events();
  const next = async () => {
    const { value } = await events.next();
    return value?.data.toString();
  };
  return { exchange, next };
}

test('many events are with the subscriber at a time, and each gets its own answer', async () => {
  const { exchange, next } = scene();
  const outcomes = ['1', '2', '3'].map((id) => exchange.deliver(eventOf(id, id), never));
  expect([await next(), await next(), await next()]).toEqual(['1', '2', '3']);
  exchange.answer('3', 2);
  exchange.answer('1', 0);
  exchange.answer('2', 1);
  expect(await Promise.all(outcomes)).toEqual(['SUCCESS', 'RETRY', 'DROP']);
});

test('of events with one id each is sent when the one before it has its answer', async () => {
  const { exchange, next } = scene();
  const outcomes = ['a', 'b', 'c'].map((data) => exchange.deliver(eventOf('1', data), never));
  for (const [data, status] of [
    ['a', 0],
    ['b', 1],
    ['c', 2],
  ] as const) {
    expect(await next()).toBe(data);
    exchange.answer('1', status);
  }
  expect(await Promise.all(outcomes)).toEqual(['SUCCESS', 'RETRY', 'DROP']);
});

test('an event that is no longer waited for is not sent, and makes way for the next with its id', async () => {
  const { exchange, next } = scene();
  const patience = new AbortController();
  const given = exchange.deliver(eventOf('1', 'a'), patience.signal);
  const waiting = exchange.deliver(eventOf('1', 'b'), never);
  patience.abort(new Error('too long'));
  await expect(given).rejects.toThrow('too long');
  expect(await next()).toBe('b');
  exchange.answer('1', 0);
  expect(await waiting).toBe('SUCCESS');
});

test('an unknown status is a failure', async () => {
  const { exchange, next } = scene();
  const outcome = exchange.deliver(eventOf('1', 'a'), never);
  await next();
  exchange.answer('1', 9);
  await expect(outcome).rejects.toThrow('unknown status returned from app while processing pub/sub event 1, status: 9');
});

test('the end comes before what has not been sent, with the error it came with first', async () => {
  const { exchange, next } = scene();
  void exchange.deliver(eventOf('1', 'a'), never);
  exchange.end(new Error('no more'));
  exchange.end();
  await expect(next()).rejects.toThrow('no more');
});
