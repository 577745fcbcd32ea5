import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { CommunicationProtocolEnum, DaprClient, LogLevel } from '@dapr/dapr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { Workspace } from './processes/workspace.ts';

describe('the encryption key of a state store is changed', () => {
  const workspace = new Workspace();
  const keys = { spring: randomBytes(16).toString('hex'), autumn: randomBytes(32).toString('hex') };
  type Season = keyof typeof keys;

  beforeAll(() => {
    mkdirSync(join(workspace.path, 'resources'));
    writeComponent('secretstore', 'secretstores.local.file', [
      { name: 'secretsFile', value: workspace.file('keys.json', JSON.stringify(keys)) },
    ]);
  });
  afterAll(() => workspace[Symbol.dispose]());

  function writeComponent(name: string, type: string, metadata: readonly object[]): void {
    const component = {
      apiVersion: 'dapr.io/v1alpha1',
      kind: 'Component',
      metadata: { name },
      spec: { type, version: 'v1', metadata },
      auth: { secretStore: 'secretstore' },
    };
    workspace.file(`resources/${name}.yaml`, JSON.stringify(component));
  }

  /** A sidecar with these keys on the one database, and the SDK's clients of both APIs. */
  async function open(primary: Season, secondary?: Season) {
    const keyOf = (name: string, season: Season) => ({ name, secretKeyRef: { name: season, key: season } });
    writeComponent('statestore', 'state.sqlite', [
      { name: 'connectionString', value: join(workspace.path, 'state.db') },
      keyOf('primaryEncryptionKey', primary),
      ...(secondary ? [keyOf('secondaryEncryptionKey', secondary)] : []),
    ]);
    writeComponent('rawstore', 'state.sqlite', [{ name: 'connectionString', value: join(workspace.path, 'state.db') }]);
    const stack = new AsyncDisposableStack();
    const sidecar = stack.use(
      await Sidecar.start({ appId: 'rotation', resourcesPath: join(workspace.path, 'resources') }),
    );
    const client = async (communicationProtocol: CommunicationProtocolEnum, daprPort: number) => {
      const options = { daprHost: '127.0.0.1', daprPort: String(daprPort), communicationProtocol };
      const made = new DaprClient({ ...options, logger: { level: LogLevel.Error } });
      await made.start();
      stack.defer(() => made.stop());
      return made;
    };
    const clients = [
      await client(CommunicationProtocolEnum.HTTP, sidecar.httpPort),
      await client(CommunicationProtocolEnum.GRPC, sidecar.grpcPort),
    ];
    const keyUsed = async (key: string) => {
      const text = await (await sidecar.fetch(`/v1.0/state/rawstore/${key}`)).text();
      return text.slice(text.lastIndexOf('|') + 1);
    };
    return { sidecar, clients, keyUsed, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  it('in two steps, and what was written with the old one stays readable until that is taken away', async () => {
    {
      await using before = await open('spring');
      for (const [index, client] of before.clients.entries()) {
        await client.state.save('statestore', [{ key: `old-${index}`, value: { index } }]);
        expect(await before.keyUsed(`old-${index}`)).toBe('spring');
      }
    }
    {
      await using between = await open('autumn', 'spring');
      for (const [index, client] of between.clients.entries()) {
        expect(await client.state.get('statestore', 'old-0')).toEqual({ index: 0 });
        expect(await client.state.getBulk('statestore', ['old-1'])).toMatchObject([{ data: { index: 1 } }]);
        await client.state.transaction('statestore', [
          { operation: 'upsert', request: { key: `new-${index}`, value: JSON.stringify({ index }) } },
        ]);
        expect(await between.keyUsed(`new-${index}`)).toBe('autumn');
      }
      // what is written again has the new key
      await between.clients[0]?.state.save('statestore', [{ key: 'old-0', value: { index: 0 } }]);
      expect(await between.keyUsed('old-0')).toBe('autumn');
    }
    {
      await using after = await open('autumn');
      for (const client of after.clients) {
        expect(await client.state.get('statestore', 'old-0')).toEqual({ index: 0 });
      }
      const lost = await after.sidecar.fetch('/v1.0/state/statestore/old-1');
      expect(lost.status).toBe(500);
      const message = await lost.text();
      expect(message).toContain('ERR_STATE_GET');
      expect(message).toContain('spring');
      expect(message + after.sidecar.output).not.toContain(keys.spring);
      // one value that nobody can read does not fail the others
      const bulk = await after.sidecar.post('/v1.0/state/statestore/bulk', { keys: ['old-0', 'old-1'] });
      expect(await bulk.json()).toEqual([
        expect.objectContaining({ key: 'old-0', data: { index: 0 } }),
        expect.objectContaining({ key: 'old-1', error: expect.stringContaining('spring') as string }),
      ]);
    }
  });
});
