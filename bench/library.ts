import { fileURLToPath } from 'node:url';

import { createRuntime } from '@outrigger/runtime';

/** State gets per second in library mode: the same engine, YAML and store, with no sidecar between. */
export async function benchLibrary(seconds: number): Promise<number> {
  await using runtime = await createRuntime({
    appId: 'bench',
    resourcesPaths: [fileURLToPath(new URL('./resources', import.meta.url))],
    searchFrom: fileURLToPath(new URL('.', import.meta.url)),
  });
  const store = runtime.state('statestore');
  await store.save([{ key: 'k', value: Buffer.from('{"id":4711}') }]);
  let gets = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  while (performance.now() < end) {
    for (let n = 0; n < 1000; n++) await store.get('k');
    gets += 1000;
  }
  return gets / ((performance.now() - begin) / 1000);
}
