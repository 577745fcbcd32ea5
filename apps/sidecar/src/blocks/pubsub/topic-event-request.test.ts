import { TopicEventRequest } from '@outrigger/protocol/runtime';
import type { TopicEvent } from '@outrigger/runtime';
import { expect, test } from 'vitest';

import { topicEventRequest } from './topic-event-request.ts';

function eventOf(json: string): TopicEvent {
  const cloudEvent = JSON.parse(json) as TopicEvent['cloudEvent'];
  return { pubsubName: 'pubsub', topic: 'orders', path: '/x', cloudEvent, body: Buffer.from(json), metadata: {} };
}

test.each([
  [
    'JSON, byte for byte',
    '"application/json","data": {"b" : 1,"a":12345678901234567890, "é":"\\u00e9"} ',
    '{"b" : 1,"a":12345678901234567890, "é":"\\u00e9"}',
  ],
  ['JSON strings with their quotes', '"application/json; charset=utf-8","data":"a\\nb"', '"a\\nb"'],
  ['the member of that very name', '"application/json","Data":1,"data":2,"DATA":3', '2'],
  ['text without quotes', '"text/plain","data":"a\\nb"', 'a\nb'],
  ['XML', '"application/xml","data":"<a/>"', '<a/>'],
  ['bytes in base64', '"application/octet-stream","data_base64":"AP8="', '\0\xff'],
  ['what other types carry', '"application/vnd.shop","data":"x"', 'x'],
  ['JSON of other types', '"application/vnd.shop+json","data":{"a": 1}', '{"a": 1}'],
  ['nothing', '"application/json","data":null', ''],
])('data is %s', (_, members, data) => {
  const request = topicEventRequest(eventOf(`{"datacontenttype":${members}}`));
  expect(request.data.toString('latin1')).toBe(
    Buffer.from(data, data.includes('\xff') ? 'latin1' : 'utf8').toString('latin1'),
  );
});

test('attributes have their fields, the others are extensions, also on the wire', () => {
  const event = eventOf(
    '{"id":"1","source":"shop","type":"t","specversion":"1.0","datacontenttype":"text/plain","data":"x","topic":"orders",' +
      '"pubsubname":"pubsub","traceid":"","nested":{"a":[1,true,null]},"n":2.5}',
  );
  const request = TopicEventRequest.decode(TopicEventRequest.encode(topicEventRequest(event)).finish());
  expect(request).toEqual({
    id: '1',
    source: 'shop',
    type: 't',
    specVersion: '1.0',
    dataContentType: 'text/plain',
    data: Buffer.from('x'),
    topic: 'orders',
    pubsubName: 'pubsub',
    path: '/x',
    extensions: { topic: 'orders', pubsubname: 'pubsub', traceid: '', nested: { a: [1, true, null] }, n: 2.5 },
  });
});

test('data of an event in binary mode is the message itself', () => {
  const body = Buffer.from([0, 1, 255]);
  const cloudEvent = { datacontenttype: 'application/octet-stream', data: body };
  expect(topicEventRequest({ ...eventOf('{}'), cloudEvent, body }).data).toEqual(body);
});

test('text that is no string is refused', () => {
  expect(() => topicEventRequest(eventOf('{"datacontenttype":"text/plain","data":{}}'))).toThrow(
    'unexpected data type encountered in envelope: data of type text/plain is not a string',
  );
});
