import { describe, expect, it } from 'vitest';
import { partitionOfKey, planRecord } from './record.ts';

describe('records', () => {
  it.each([
    // published values of FNV-1a: 0x811c9dc5, 0xe40c292c, 0xbf9cf968; as signed numbers, the remainder without its sign
    ['', 5],
    ['a', 6],
    ['foobar', 6],
  ])('the key "%s" goes to the partition that Dapr chooses', (key, expected) => {
    expect(partitionOfKey(Buffer.from(key), 10)).toBe(expected);
  });

  it('all metadata becomes headers, also what has a meaning of its own', () => {
    const plan = planRecord(
      { partitionKey: 'k', partitionNumber: '2', a: 'b' },
      { escapeHeaders: false, excludedHeaders: /^a$/ },
    );
    expect(plan.key?.toString()).toBe('k');
    expect(plan.partition).toBe(2);
    expect([...plan.headers.keys()]).toEqual(['partitionKey', 'partitionNumber']);
  });
});
