import fc from 'fast-check';
import { expect, it } from 'vitest';

import { frame, MessageReader } from './message-frames.ts';

/** The messages found in bytes that come in pieces of the given sizes, over and over. */
function messagesIn(bytes: Buffer, sizes: readonly number[], reader = new MessageReader(Infinity)): Buffer[] {
  const messages: Buffer[] = [];
  for (let start = 0, turn = 0; start < bytes.byteLength; turn++) {
    const end = start + (sizes[turn % sizes.length] ?? 1);
    reader.push(bytes.subarray(start, end), (message) => messages.push(message));
    start = end;
  }
  return messages;
}

it('finds every message, however the bytes are cut', () => {
  const message = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 40_000, maxLength: 40_000 }));
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1 }),
      (messages, sizes) => {
        const reader = new MessageReader(Infinity);
        const found = messagesIn(Buffer.concat(messages.map(frame)), sizes, reader);
        expect(found.map((each) => each.toString('hex'))).toEqual(
          messages.map((each) => Buffer.from(each).toString('hex')),
        );
        expect(reader.isBetweenMessages).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
});

it('a message that breaks off is noticed', () => {
  const reader = new MessageReader(Infinity);
  messagesIn(frame(Buffer.from('hello')).subarray(0, 7), [3], reader);
  expect(reader.isBetweenMessages).toBe(false);
});

it('a length over the limit is refused before its bytes come', () => {
  const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
  for (const size of [1, 5]) {
    expect(() => messagesIn(prefix, [size], new MessageReader(10))).toThrow(
      'grpc: received message larger than max (4294967295 vs. 10)',
    );
  }
});

it('a claimed length takes no memory before its bytes come', () => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 100 }, () => new MessageReader(Infinity));
  const prefix = Buffer.from([0, 0x40, 0, 0, 0]);
  for (const reader of readers) messagesIn(Buffer.concat([prefix, Buffer.alloc(100)]), [50], reader);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024);
});
