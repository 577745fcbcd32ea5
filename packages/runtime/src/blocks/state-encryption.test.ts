import { describe, expect, test } from 'vitest';

import { bytes, failure, handleOn, mapStore, textOf } from '../../test/state-scene.ts';

describe('client-side encryption', () => {
  const key = 'b'.repeat(64);
  const encrypted = { properties: { primaryEncryptionKey: key }, secretNames: { primaryEncryptionKey: 'key-1' } };

  test('the store never sees the value; the app reads it back', async () => {
    const { store, items } = mapStore();
    const handle = handleOn(store, encrypted);
    await handle.save([{ key: 'k', value: bytes('"secret"') }]);
    const stored = textOf(items.get('shop||k')) ?? '';
    expect(stored).toMatch(/^[A-Za-z0-9+/]+=*\|\|key-1$/);
    expect(Buffer.from(stored.slice(0, -'||key-1'.length), 'base64')).toHaveLength(12 + 8 + 16);
    expect(textOf(await handle.get('k'))).toBe('"secret"');
    expect((await handle.getBulk(['k'])).map(({ item }) => textOf(item))).toEqual(['"secret"']);
  });

  test('after a rotation the older key still reads', async () => {
    const { store } = mapStore();
    await handleOn(store, encrypted).save([{ key: 'k', value: bytes('1') }]);
    const rotated = handleOn(store, {
      properties: { primaryEncryptionKey: 'c'.repeat(32), secondaryEncryptionKey: key },
      secretNames: { primaryEncryptionKey: 'key-2', secondaryEncryptionKey: 'key-1' },
    });
    expect(textOf(await rotated.get('k'))).toBe('1');
  });

  test('a changed record, an unknown key and plain text are errors, never values', async () => {
    const { store, items } = mapStore();
    const handle = handleOn(store, encrypted);
    await handle.save([{ key: 'k', value: bytes('1') }]);
    const stored = textOf(items.get('shop||k')) ?? '';
    for (const bad of [
      stored.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
      `${stored}x`,
      'plain',
      'AA==||key-1',
    ]) {
      items.set('shop||k', { value: bytes(bad) });
      expect((await failure(handle.get('k'))).message).toContain('could not decrypt data for state store orders');
    }
  });

  test('a bad key stops the start, and the message does not show it', () => {
    const properties = { primaryEncryptionKey: 'not-hex' };
    expect(() => handleOn(mapStore().store, { ...encrypted, properties })).toThrow(
      /component "orders": primaryEncryptionKey must be/,
    );
    expect(() => handleOn(mapStore().store, { ...encrypted, properties })).not.toThrow(/not-hex/);
    expect(() => handleOn(mapStore().store, { properties: { secondaryEncryptionKey: key } })).toThrow(
      /set primaryEncryptionKey/,
    );
  });

  test('queries are refused', async () => {
    const handle = handleOn(mapStore({ query: async () => ({ items: [] }) }).store, encrypted);
    expect((await failure(handle.query({}))).message).toBe(
      'state store orders query failed: cannot query encrypted store',
    );
  });
});
