import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createRuntime } from '@outrigger/runtime';
import definition from '@outrigger/state-in-memory';
import { expect, it } from 'vitest';

import { socketComponents } from '../src/index.ts';
import { SocketFolder } from './through-socket.ts';

const yaml = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: store}
spec: {type: state.mine, version: v1, metadata: [{name: keyPrefix, value: none}, {name: anything, value: goes}]}
`;

it('a runtime in the own process uses a component behind a socket, with the keys of its own', async () => {
  await using folder = new SocketFolder();
  await folder.serve('mine', definition);
  writeFileSync(join(folder.path, 'store.yaml'), yaml);
  const componentSource = socketComponents({ folder: folder.path });
  await using runtime = await createRuntime({ appId: 'app', resourcesPaths: [folder.path], componentSource });
  expect(runtime.components).toMatchObject([
    { name: 'store', capabilities: ['ETAG', 'TRANSACTIONAL', 'TTL', 'ACTOR'] },
  ]);
  await runtime.state('store').save([{ key: 'k', value: Buffer.from('1') }]);
  expect(String((await runtime.state('store').get('k'))?.value)).toBe('1');
});
