import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { StateStoreDefinition } from '@outrigger/protocol/components';
import { expect, it, onTestFinished } from 'vitest';

import { socketsFolder, stockComponent } from '../../test/stock-component.ts';
import { socketComponents } from './socket-components.ts';

const wanted = { type: 'state.theirs', version: 'v1' };
const patience = () => AbortSignal.timeout(20_000);

it('waits for a socket that is still to come', async () => {
  const folder = socketsFolder();
  const source = socketComponents({ folder });
  const finding = source.find(wanted, patience());
  await stockComponent(join(folder, 'theirs.sock'), [[StateStoreDefinition, {}]]);
  expect(await finding).toMatchObject({ kind: 'state', type: 'state.theirs', version: 'v1' });
});

it('waits for the process, where a socket was left behind', async () => {
  const folder = socketsFolder();
  const path = join(folder, 'theirs.sock');
  const mute = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  onTestFinished(() => void mute.close());
  const source = socketComponents({ folder });
  expect(await source.find(wanted)).toBeUndefined();
  const finding = source.find(wanted, patience());
  rmSync(path);
  await stockComponent(path, [[StateStoreDefinition, {}]]);
  expect(await finding).toBeDefined();
});

it('takes the name without its last ending, in any case, and only for version v1 and blocks that the process serves', async () => {
  const folder = socketsFolder();
  await stockComponent(join(folder, 'My.Own.sock'), [[StateStoreDefinition, {}]]);
  const source = socketComponents({ folder });
  expect(await source.find({ type: 'State.my.OWN', version: 'v1' })).toBeDefined();
  expect(await source.find({ type: 'state.my.own', version: 'v2' })).toBeUndefined();
  expect(await source.find({ type: 'state.my', version: 'v1' })).toBeUndefined();
  expect(await source.find({ type: 'pubsub.my.own', version: 'v1' })).toBeUndefined();
  expect(await source.find({ type: 'lock.my.own', version: 'v1' })).toBeUndefined();
});

it('does not wait where there is no folder', async () => {
  const source = socketComponents({ folder: join(socketsFolder(), 'none') });
  expect(await source.find(wanted, patience())).toBeUndefined();
  expect(await source.missing(wanted)).toMatch(/there is no folder .*none/);
});

it('says what is in the folder in its place', async () => {
  const folder = socketsFolder();
  const source = socketComponents({ folder });
  writeFileSync(join(folder, 'theirs.sock'), 'no socket');
  expect(await source.missing(wanted)).toContain('no socket theirs.*');
  rmSync(join(folder, 'theirs.sock'));
  await stockComponent(join(folder, 'theirs.sock'), [[StateStoreDefinition, {}]]);
  expect(await source.missing({ type: 'pubsub.theirs', version: 'v1' })).toMatch(
    /serves .*StateStore.*no pubsub component/,
  );
});
