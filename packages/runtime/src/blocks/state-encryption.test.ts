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

  test('both keys may be in one secret, under two names', async () => {
    const { store } = mapStore();
    await handleOn(store, encrypted).save([{ key: 'k', value: bytes('1') }]);
    const rotated = handleOn(store, {
      properties: { primaryEncryptionKey: 'c'.repeat(32), secondaryEncryptionKey: key },
      secretNames: { primaryEncryptionKey: 'key-1', secondaryEncryptionKey: 'key-1' },
    });
    expect(textOf(await rotated.get('k'))).toBe('1');
    await rotated.save([{ key: 'k', value: bytes('2') }]);
    expect((await failure(handleOn(store, encrypted).get('k'))).message).toContain(
      'the secret "key-1" held another key',
    );
  });

  test('once its key is gone, a record names the secret that the key came from', async () => {
    const { store } = mapStore();
    await handleOn(store, encrypted).save([{ key: 'k', value: bytes('1') }]);
    const other = {
      properties: { primaryEncryptionKey: 'c'.repeat(32) },
      secretNames: { primaryEncryptionKey: 'key-2' },
    };
    const { message } = await failure(handleOn(store, other).get('k'));
    expect(message).toContain('it was encrypted with the key of the secret "key-1"');
    expect(message).not.toContain(key);
    expect(await handleOn(store, other).getBulk(['k', 'none'])).toEqual([
      { key: 'k', error: expect.stringContaining('the secret "key-1"') as string },
      { key: 'none' },
    ]);
  });

  // sealed by Python's cryptography (AESGCM) with the keys 00 01 02 … and the nonce 64 65 … 6f, in Dapr's layout
  test.each([
    [16, '{"b":1, "a":"ä||x"}', 'ZGVmZ2hpamtsbW5vYUAsh+EzlNq5X3UqpAmPkEzwWoKuPnG0koCzvOZBVuZxxz1o'],
    [16, '', 'ZGVmZ2hpamtsbW5vZYKsBeBHEagmvf4uFERAqw=='],
    [24, '{"b":1, "a":"ä||x"}', 'ZGVmZ2hpamtsbW5vkkrZXmieIhjxsMA72DE/wqEhfLcsaDoBpdLuzdWIpnAErJSp'],
    [32, '{"b":1, "a":"ä||x"}', 'ZGVmZ2hpamtsbW5vMzm8REPYer4cA33S+KbOgT66JHd8S9J9I8xHkSxcGlYroJ/O'],
    [32, Buffer.from([0, 255, 128, 10]), 'ZGVmZ2hpamtsbW5vSORebF8Mi+HpV4crfLbEJy7MnIs='],
  ])('what another implementation sealed with a key of %d bytes is read to the byte', async (length, value, sealed) => {
    const { store, items } = mapStore();
    const hex = Buffer.from(Array.from({ length }, (_, index) => index)).toString('hex');
    const handle = handleOn(store, {
      properties: { primaryEncryptionKey: hex.toUpperCase() },
      secretNames: { primaryEncryptionKey: 'dapr-key' },
    });
    items.set('shop||k', { value: bytes(`${sealed}||dapr-key`), etag: '7' });
    const item = await handle.get('k');
    expect(Buffer.from(item?.value ?? [1]).equals(Buffer.from(value))).toBe(true);
    expect(item?.etag).toBe('7');
  });

  test('every write is sealed, with its etag and TTL beside it', async () => {
    const seen: { readonly key: string; readonly value?: Uint8Array; readonly ttlInSeconds?: number }[] = [];
    const { store } = mapStore({
      setMany: async (requests) => {
        seen.push(...requests);
        return requests.map(() => ({ ok: true, value: undefined }));
      },
      transact: async (operations) => void seen.push(...operations),
    });
    const handle = handleOn(store, encrypted);
    const item = (name: string) => ({ key: name, value: bytes(name), etag: '1', metadata: { ttlInSeconds: '9' } });
    await handle.save([item('a'), item('b')]);
    await handle.transact([
      { operation: 'upsert', request: item('c') },
      { operation: 'delete', request: { key: 'd' } },
    ]);
    expect(seen.map(({ value }) => value && textOf({ value })?.endsWith('||key-1'))).toEqual([
      true,
      true,
      true,
      undefined,
    ]);
    expect(seen.slice(0, 3)).toMatchObject(Array.from({ length: 3 }, () => ({ etag: '1', ttlInSeconds: 9 })));
  });

  test('a record of no bytes is an empty value', async () => {
    const { store, items } = mapStore();
    items.set('shop||k', { value: bytes('') });
    expect(textOf(await handleOn(store, encrypted).get('k'))).toBe('');
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
