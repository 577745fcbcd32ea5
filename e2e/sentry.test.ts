import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Child } from './processes/child.ts';
import { Sidecar } from './processes/sidecar.ts';
import { configFile, Workspace } from './processes/workspace.ts';

const command = fileURLToPath(new URL('../node_modules/.bin/outrigger-sentry', import.meta.url));

describe('the certificate authority, as a user starts it', () => {
  const parts = new AsyncDisposableStack();
  let folder: string;
  let sentry: Child;
  let orders: Sidecar;
  let checkout: Sidecar;
  let start: (appId: string, appPort?: number) => Promise<Sidecar>;

  beforeAll(async () => {
    const workspace = parts.use(new Workspace());
    folder = join(workspace.path, 'ca');
    sentry = parts.use(
      new Child(command, ['--port', '0', '--issuer-credentials', folder, '--workload-cert-ttl', '20s'], {
        env: { ...process.env, ...workspace.env },
      }),
    );
    const [, address = ''] = await sentry.line(/given out on ([\d.:]+)/);
    const app = createServer((request, answer) => answer.end(JSON.stringify(request.headers['dapr-caller-app-id'])));
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    parts.defer(() => {
      app.closeAllConnections();
      app.close();
    });
    start = (appId, appPort) =>
      Sidecar.start({
        appId,
        ...(appPort !== undefined && { appPort }),
        config: configFile,
        args: ['--enable-mtls', '--sentry-address', address],
        env: { ...workspace.env, DAPR_TRUST_ANCHORS_FILE: join(folder, 'ca.crt') },
      });
    orders = parts.use(await start('orders', (app.address() as AddressInfo).port));
    checkout = parts.use(await start('checkout'));
  });
  afterAll(() => parts.disposeAsync());

  const call = async (from: Sidecar) => {
    const answer = await fetch(`${from.url}/v1.0/invoke/orders/method/who`);
    return [answer.status, await answer.text()];
  };

  it('gives two sidecars what they need to call each other', async () => {
    expect(await call(checkout)).toEqual([200, '"checkout"']);
    expect(sentry.output).toContain('certified spiffe://public/ns/default/orders');
  });

  it('takes a new root while they run, and neither they nor newcomers lose a call', async () => {
    const rotated = new Child(command, ['rotate-root', '--issuer-credentials', folder, '--anchors-lead', '5s'], {
      env: process.env,
    });
    expect((await rotated.exited).code).toBe(0);
    await sentry.line(/are new and in use[^]*are new and in use/);
    const seen = sentry.output.length;
    const renewed = (appId: string) => sentry.output.slice(seen).includes(`/ns/default/${appId} until`);
    do {
      expect(await call(checkout)).toEqual([200, '"checkout"']);
    } while (!renewed('orders') || !renewed('checkout'));
    await using late = await start('late');
    expect(await call(late)).toEqual([200, '"late"']);
    expect(await call(checkout)).toEqual([200, '"checkout"']);
    expect(orders.running).toBe(true);
  });

  it('says what is wrong with its command line', async () => {
    await using child = new Child(command, ['--token-validator', 'jwks'], { env: process.env });
    expect((await child.exited).code).toBe(1);
    expect(child.output).toBe(
      'outrigger-sentry: --token-validator jwks needs --jwks-source: a URL, a file, or the JSON of a JSON Web Key Set\n',
    );
  });
});
