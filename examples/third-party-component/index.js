import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { ComponentError, defineComponent, field } from '@outrigger/core';

export default defineComponent({
  kind: 'state',
  type: 'state.jsonfile',
  version: 'v1',
  description: 'State in one JSON file, for a single process',
  metadata: { path: field.text({ description: 'The file; it is made with the first write', required: true }) },
  create: async ({ metadata: { path } }) => {
    let items = new Map(Object.entries(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}));
    const closing = new AbortController();
    const refuseEnded = (signal) => [closing.signal, signal].forEach((each) => each.throwIfAborted());

    /** Sets, or deletes without a value. Readers see the change only once the file is in place. */
    async function write({ key, value, etag, concurrency, ttlInSeconds }, signal) {
      refuseEnded(signal);
      if (ttlInSeconds > 0) throw new ComponentError('unsupported', 'items cannot have a time to live here');
      if (value?.length > 65_536) throw new ComponentError('invalid-argument', `${key}: more than 65536 bytes`);
      const [changed, stored] = [new Map(items), items.get(key)];
      if (etag ? etag !== stored?.etag : concurrency === 'first-write' && stored) {
        throw new ComponentError('etag-mismatch', `someone else has changed the item ${key}`);
      }
      if (value) changed.set(key, { value: Buffer.from(value).toString('base64'), etag: randomUUID() });
      else changed.delete(key);
      writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(changed)));
      renameSync(`${path}.new`, path);
      items = changed;
    }

    return {
      features: ['etag'],
      get: async ({ key }, signal) => {
        refuseEnded(signal);
        const item = items.get(key);
        return item && { value: Buffer.from(item.value, 'base64'), etag: item.etag };
      },
      set: write,
      delete: write,
      [Symbol.asyncDispose]: async () => closing.abort(new ComponentError('unavailable', 'the store is closed')),
    };
  },
});
