import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { TestSentry } from '@outrigger/identity/testing';

import { freePort, startApp, startSidecar, Target } from '../processes.ts';

/** One way from the client to the app. */
export interface Way {
  readonly name: 'direct' | 'two proxies' | 'two sidecars' | 'two sidecars, mTLS';
  readonly url: string;
  /** The processes between the client and the app. */
  readonly between: readonly Target[];
}

/** All of them, to one app, until disposal. */
export class Ways implements AsyncDisposable {
  readonly all: readonly Way[];
  readonly #stack: AsyncDisposableStack;

  private constructor(all: readonly Way[], stack: AsyncDisposableStack) {
    this.all = all;
    this.#stack = stack;
  }

  /** @param value what the app answers */
  static async start(value: string): Promise<Ways> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const app = await startApp(value);
    stack.use(app.target);
    const inner = await startProxy(app.port);
    stack.use(inner.target);
    const outer = await startProxy(inner.port);
    stack.use(outer.target);
    const sentry = stack.use(await TestSentry.start({ ttl: 24 * 3_600_000 }));
    const mutualTls = {
      args: ['--enable-mtls', '--sentry-address', sentry.address],
      env: { DAPR_TRUST_ANCHORS: sentry.authority.root },
    };
    const all: Way[] = [
      { name: 'direct', url: `http://127.0.0.1:${app.port}/value`, between: [] },
      {
        name: 'two proxies',
        url: `http://127.0.0.1:${outer.port}/value`,
        between: [outer.target, inner.target],
      },
    ];
    for (const [name, security] of [
      ['two sidecars', { args: [], env: {} }],
      ['two sidecars, mTLS', mutualTls],
    ] as const) {
      const args = ['--config', nameFile(join(folder, name.replaceAll(/\W/g, ''))), ...security.args];
      const callee = await startSidecar('callee', ['--app-port', String(app.port), ...args], { env: security.env });
      stack.use(callee.target);
      const caller = await startSidecar('caller', args, { env: security.env });
      stack.use(caller.target);
      const url = `${caller.url}/v1.0/invoke/callee/method/value`;
      all.push({ name, url, between: [caller.target, callee.target] });
    }
    return new Ways(all, stack.move());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** A bare proxy in front of a port. */
async function startProxy(targetPort: number): Promise<{ target: Target; port: number }> {
  const port = await freePort();
  const target = await Target.start(
    process.execPath,
    [fileURLToPath(new URL('./bare-proxy.ts', import.meta.url))],
    { PORT: String(port), TARGET_PORT: String(targetPort) },
    /listening/,
  );
  return { target, port };
}

/** The path of a Configuration whose sidecars find each other through a file in this folder. */
function nameFile(folder: string): string {
  mkdirSync(folder);
  const config = join(folder, 'config.yaml');
  const configuration = { connectionString: join(folder, 'names.db') };
  const spec = { nameResolution: { component: 'sqlite', version: 'v1', configuration } };
  // JSON is YAML.
  const resource = { apiVersion: 'dapr.io/v1alpha1', kind: 'Configuration', metadata: { name: 'bench' }, spec };
  writeFileSync(config, JSON.stringify(resource));
  return config;
}
