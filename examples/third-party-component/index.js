import { randomUUID } from 'node:crypto';
import { existsSync, promises as fs } from 'node:fs';
import { ComponentError, defineComponent, field } from '@outrigger/core';

export default defineComponent({
  kind: 'state',
  type: 'state.jsonfile',
  version: 'v1',
  description: 'State in one JSON file, for a single process',
  metadata: { path: field.text({ description: 'The file; it is made with the first write', required: true }) },
  create: async ({ metadata: { path } }) => {
    const text = existsSync(path) ? await fs.readFile(path, 'utf8') : '{}';
    let items = new Map(Object.entries(JSON.parse(text)));
    let lastWrite = Promise.resolve();

    /** One write at a time: check, change a copy, put the file in place, and only then let readers see it. */
    function write({ key, etag, concurrency }, item) {
      const turn = lastWrite.then(async () => {
        const [changed, stored] = [new Map(items), items.get(key)];
        if (etag ? etag !== stored?.etag : concurrency === 'first-write' && stored) {
          throw new ComponentError('etag-mismatch', `someone else has changed the item ${key}`);
        }
        if (item) changed.set(key, item);
        else changed.delete(key);
        await fs.writeFile(`${path}.new`, JSON.stringify(Object.fromEntries(changed)));
        await fs.rename(`${path}.new`, path);
        items = changed;
      });
      lastWrite = turn.catch(() => {});
      return turn;
    }

    return {
      features: ['etag'],
      get: async ({ key }) => {
        const item = items.get(key);
        return item && { value: Buffer.from(item.value, 'base64'), etag: item.etag };
      },
      set: (request) => write(request, { value: Buffer.from(request.value).toString('base64'), etag: randomUUID() }),
      delete: (request) => write(request, undefined),
      [Symbol.asyncDispose]: () => lastWrite,
    };
  },
});
