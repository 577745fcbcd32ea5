import { fileURLToPath } from 'node:url';

import { CommunicationProtocolEnum, DaprClient, LogLevel } from '@dapr/dapr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Sidecar } from '../processes/sidecar.ts';
import { Workspace } from '../processes/workspace.ts';
import { environment, login } from './login.ts';

/** A folder of `secrets/`. */
export type SecretStoreName =
  | 'local-file'
  | 'local-env'
  | 'vault'
  | 'kubernetes'
  | 'aws-secretmanager'
  | 'aws-parameterstore';

const { secrets } = login;

/**
 * One app and one set of expectations for every secret store, over HTTP and gRPC; `fill` puts {@link login} there. Only YAML differs.
 */
export function secretSuite(folder: SecretStoreName, fill: () => Promise<void> = async () => {}): void {
  describe(`an app that logs in with secrets of ${folder}`, () => {
    const workspace = new Workspace();
    const env = { ...workspace.env, ...environment };
    let sidecar: Sidecar;
    const clients: DaprClient[] = [];

    beforeAll(async () => {
      await fill();
      sidecar = await Sidecar.start({
        appId: 'login',
        resourcesPath: fileURLToPath(new URL(`secrets/${folder}`, import.meta.url)),
        config: fileURLToPath(new URL('config.yaml', import.meta.url)),
        args: ['--log-level', 'debug', '--enable-api-logging'],
        env: { ...env, TEST_LOGIN_FILE: workspace.file('login.json', JSON.stringify(secrets)) },
      });
      for (const [communicationProtocol, port] of [
        [CommunicationProtocolEnum.HTTP, sidecar.httpPort],
        [CommunicationProtocolEnum.GRPC, sidecar.grpcPort],
      ] as const) {
        const client = new DaprClient({
          daprHost: '127.0.0.1',
          daprPort: String(port),
          communicationProtocol,
          logger: { level: LogLevel.Error },
        });
        await client.start();
        clients.push(client);
      }
    });

    afterAll(async () => {
      await Promise.all(clients.map((client) => client.stop()));
      await sidecar[Symbol.asyncDispose]();
      workspace[Symbol.dispose]();
    });

    it('gets the secret that it needs', async () => {
      for (const client of clients) {
        expect(await client.secret.get('secretstore', 'login')).toEqual({ login: secrets.login });
      }
    });

    it('gets all in one call, without the one that is denied', async () => {
      for (const client of clients) {
        const all = (await client.secret.getBulk('secretstore')) as Record<string, Record<string, string>>;
        expect(JSON.stringify(all)).toContain(secrets.login);
        expect(JSON.stringify(all)).not.toContain(secrets.admin);
        expect(Object.keys(all)).not.toContain('admin');
      }
    });

    it('is refused the one that is denied', async () => {
      const response = await sidecar.fetch('/v1.0/secrets/secretstore/admin');
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ errorCode: 'ERR_PERMISSION_DENIED' });
      await expect(clients[1]?.secret.get('secretstore', 'admin')).rejects.toThrow(/permission_denied/i);
    });

    it('has a state store whose key comes from there', async () => {
      for (const client of clients) {
        await client.state.save('statestore', [{ key: 'session', value: { user: 'ann' } }]);
        expect(await client.state.get('statestore', 'session')).toEqual({ user: 'ann' });
      }
    });

    it('leaves none of them in the log, in metadata or in an error', async () => {
      const metadata = await (await sidecar.fetch('/v1.0/metadata')).text();
      const error = await (await sidecar.fetch('/v1.0/secrets/secretstore/no-such-secret')).text();
      expect(await sidecar.stop()).toMatchObject({ code: 0 });
      expect(sidecar.output).toContain('/v1.0/secrets/secretstore');
      for (const value of Object.values(secrets)) {
        for (const text of [metadata, error, sidecar.output]) expect(text).not.toContain(value);
      }
    });
  });
}
