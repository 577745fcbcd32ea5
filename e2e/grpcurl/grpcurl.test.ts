import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Sidecar } from '../processes/sidecar.ts';
import { resourcesOf, Workspace } from '../processes/workspace.ts';

const run = promisify(execFile);
const token = 'only-for-this-test';
const dapr = 'dapr.proto.runtime.v1.Dapr';

requireBackend('OUTRIGGER_TEST_GRPCURL', 'eval "$(e2e/grpcurl/install.sh)"', (grpcurl) => {
  describe('grpcurl, which knows the API from reflection alone', () => {
    const workspace = new Workspace();
    let sidecar: Sidecar;

    beforeAll(async () => {
      sidecar = await Sidecar.start({
        appId: 'described',
        resourcesPath: resourcesOf('memory'),
        env: { ...workspace.env, DAPR_API_TOKEN: token },
      });
    });

    afterAll(async () => {
      await sidecar?.[Symbol.asyncDispose]();
      workspace[Symbol.dispose]();
    });

    const ask = async (flags: readonly string[], ...args: readonly string[]): Promise<string> => {
      const header = ['-plaintext', '-H', `dapr-api-token: ${token}`];
      const { stdout } = await run(grpcurl, [...header, ...flags, `127.0.0.1:${sidecar.grpcPort}`, ...args]);
      return stdout;
    };

    const call = async (method: string, request: unknown): Promise<unknown> =>
      JSON.parse(await ask(['-d', JSON.stringify(request)], `${dapr}/${method}`));

    it('lists the services and the methods of one', async () => {
      expect((await ask([], 'list')).trim().split('\n')).toEqual([
        dapr,
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ]);
      const methods = (await ask([], 'list', dapr)).trim().split('\n');
      expect(methods).toHaveLength(72);
      expect(methods).toContain(`${dapr}.GetState`);
    });

    it('describes a service, a method, a message and an enum', async () => {
      expect(await ask([], 'describe', dapr)).toContain('rpc SubscribeTopicEventsAlpha1 ( stream');
      expect(await ask([], 'describe', `${dapr}.GetState`)).toContain(
        'returns ( .dapr.proto.runtime.v1.GetStateResponse',
      );
      expect(await ask([], 'describe', 'dapr.proto.runtime.v1.GetStateRequest')).toContain('string store_name = 1;');
      expect(await ask([], 'describe', 'dapr.proto.runtime.v1.UnlockResponse.Status')).toContain(
        'LOCK_DOES_NOT_EXIST = 1',
      );
    });

    it('calls methods', async () => {
      const value = Buffer.from('{"n":1}').toString('base64');
      expect(await call('SaveState', { storeName: 'statestore', states: [{ key: 'a', value }] })).toEqual({});
      expect(await call('GetState', { storeName: 'statestore', key: 'a' })).toMatchObject({ data: value });
    });

    it('shows the details of an error', async () => {
      await expect(call('GetState', { storeName: 'nowhere', key: 'a' })).rejects.toMatchObject({
        stderr: expect.stringMatching(/InvalidArgument[^]*state store nowhere is not found[^]*DAPR_STATE_NOT_FOUND/),
      });
    });

    it('says what is not implemented', async () => {
      await expect(call('InvokeActor', {})).rejects.toMatchObject({
        stderr: expect.stringMatching(/Unimplemented[^]*actors are not implemented/),
      });
    });

    it('learns nothing without the token', async () => {
      await expect(run(grpcurl, ['-plaintext', `127.0.0.1:${sidecar.grpcPort}`, 'list'])).rejects.toThrow(
        /Unauthenticated|api token/,
      );
    });
  });
});
