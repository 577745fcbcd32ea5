import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  loadPackageDefinition,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Child } from '../processes/child.ts';
import { Sidecar, type SidecarOptions } from '../processes/sidecar.ts';
import { configFile, Workspace } from '../processes/workspace.ts';

const sentryCommand = fileURLToPath(new URL('../../node_modules/.bin/outrigger-sentry', import.meta.url));
const proto = fileURLToPath(new URL('../proto/canoes/v1/canoes.proto', import.meta.url));
const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number })) as unknown as {
  readonly canoes: { readonly v1: { readonly Canoes: ServiceClientConstructor } };
};
export const { Canoes } = loaded.canoes.v1;

interface Named {
  readonly name: string;
}

/**
 * Four apps of one mesh. `orders` (HTTP) and `ledger` (gRPC) are called; `shop` may do little of it, `trusted` all but `/admin`, and
 * nobody else anything.
 */
export interface MeshScene extends AsyncDisposable {
  readonly workspace: Workspace;
  readonly shop: Sidecar;
  readonly trusted: Sidecar;
  /** `VERB path` of what came to `orders`. */
  readonly arrived: string[];
  /** Methods that were called on `ledger`. */
  readonly booked: string[];
  /** A further sidecar of this mesh; it has to be disposed by who starts it. */
  start(options: SidecarOptions): Promise<Sidecar>;
}

const rules = (operations: string, trusted: string): string => `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: { name: rules }
spec:
  nameResolution:
    component: sqlite
    configuration: { connectionString: "\${TEST_DATABASE_NAMES}" }
  accessControl:
    defaultAction: deny
    trustDomain: public
    policies:
      - { appId: shop, trustDomain: public, namespace: default, operations: [${operations}] }
      - { appId: trusted, trustDomain: public, namespace: default, defaultAction: allow, operations: [${trusted}] }
`;

/** @param mtls whether the sidecars know each other */
export async function startMesh({ mtls }: { readonly mtls: boolean }): Promise<MeshScene> {
  await using stack = new AsyncDisposableStack();
  const workspace = stack.use(new Workspace());
  const arrived: string[] = [];
  const booked: string[] = [];

  const app = createServer((request, answer) => {
    if (request.url === '/dapr/subscribe' || request.url === '/dapr/config') {
      answer.writeHead(404).end();
      return;
    }
    arrived.push(`${request.method} ${request.url}`);
    answer.setHeader('content-type', 'application/json');
    answer.end(JSON.stringify({ url: request.url, caller: request.headers['dapr-caller-app-id'] }));
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  stack.defer(() => {
    app.closeAllConnections();
    app.close();
  });

  const ledger = new Server();
  ledger.addService(Canoes.service, {
    Get(call: ServerUnaryCall<Named, unknown>, answer: sendUnaryData<unknown>) {
      booked.push('Get');
      answer(null, { name: call.request.name, number: 1 });
    },
    List(call: ServerWritableStream<unknown, unknown>) {
      booked.push('List');
      call.end();
    },
  });
  const ledgerPort = await new Promise<number>((resolve, reject) => {
    ledger.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
  stack.defer(() => ledger.forceShutdown());

  const security = mtls ? await startAuthority(stack, join(workspace.path, 'ca')) : { args: [], env: {} };
  const start = (options: SidecarOptions): Promise<Sidecar> =>
    Sidecar.start({
      config: configFile,
      ...options,
      args: [...security.args, ...(options.args ?? [])],
      env: { ...workspace.env, ...security.env, ...options.env },
    });
  const ofOrders = rules(
    "{name: /orders, httpVerb: [GET, POST], action: allow}, {name: /public/**, httpVerb: ['*'], action: allow}",
    "{name: /admin, httpVerb: ['*'], action: deny}",
  );
  const ofLedger = rules(
    '{name: /canoes.v1.Canoes/Get, action: allow}',
    '{name: /canoes.v1.Canoes/List, action: deny}',
  );
  const { port: appPort } = app.address() as AddressInfo;
  const started = await Promise.all([
    start({ appId: 'orders', appPort, config: workspace.file('orders.yaml', ofOrders) }),
    start({
      appId: 'ledger',
      appPort: ledgerPort,
      config: workspace.file('ledger.yaml', ofLedger),
      args: ['--app-protocol', 'grpc'],
    }),
    start({ appId: 'shop' }),
    start({ appId: 'trusted' }),
  ]);
  for (const sidecar of started) stack.use(sidecar);
  const [, , shop, trusted] = started;
  const parts = stack.move();
  return {
    workspace,
    shop,
    trusted,
    arrived,
    booked,
    start,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Starts `outrigger-sentry`, with roots of its own in the folder; what a sidecar has to be told of it. */
async function startAuthority(stack: AsyncDisposableStack, folder: string) {
  const sentry = stack.use(new Child(sentryCommand, ['--port', '0', '--issuer-credentials', folder]));
  const [, address = ''] = await sentry.line(/given out on ([\d.:]+)/);
  return {
    args: ['--enable-mtls', '--sentry-address', address],
    env: { DAPR_TRUST_ANCHORS_FILE: join(folder, 'ca.crt') },
  };
}
