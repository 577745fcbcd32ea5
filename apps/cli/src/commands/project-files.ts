/** The packages of what the resources name. */
const componentPackages = ['@outrigger/nameresolution-sqlite', '@outrigger/pubsub-sqlite', '@outrigger/state-sqlite'];

/** The part of this command's package.json that a project builds on. */
export interface CliManifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The files of a new project, by path: an orders app and a shop app, their resources, and how to run them. */
export function projectFiles(name: string, cli: CliManifest): ReadonlyMap<string, string> {
  return new Map([
    ['package.json', packageJson(name, cli)],
    ['dapr.yaml', daprYaml],
    ['resources/statestore.yaml', component('statestore', 'state.sqlite')],
    ['resources/pubsub.yaml', component('pubsub', 'pubsub.sqlite')],
    ['config.yaml', configuration],
    ['orders/app.js', ordersApp],
    ['shop/app.js', shopApp],
    // the databases' folder has to be there
    ['.data/.gitkeep', ''],
    ['.gitignore', 'node_modules/\n.data/*.db*\n.dapr/logs/\n'],
    ['README.md', readme(name)],
  ]);
}

function packageJson(name: string, { version, dependencies }: CliManifest): string {
  const manifest = {
    name:
      name
        .toLowerCase()
        .replaceAll(/[^a-z0-9._-]+/g, '-')
        .replace(/^[._-]+/, '') || 'my-project',
    private: true,
    type: 'module',
    scripts: { start: 'outrigger run -f .' },
    devDependencies: {
      '@outrigger/cli': `^${version}`,
      ...Object.fromEntries(componentPackages.map((one) => [one, dependencies[one]])),
    },
    engines: { node: '>=22.18' },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

const daprYaml = `# Runs both apps, each with its sidecar: outrigger run -f .
version: 1
common:
  resourcesPath: ./resources
  configFilePath: ./config.yaml
apps:
  - appID: orders
    appDirPath: ./orders
    appPort: 3001
    command: [node, app.js]
  - appID: shop
    appDirPath: ./shop
    appPort: 3002
    command: [node, app.js]
    dependsOn: [orders]
`;

function component(name: string, type: string): string {
  return `# What stands behind "${name}". Another type and its metadata, and the apps use another backend.
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: ${name}
spec:
  type: ${type}
  version: v1
  metadata:
    - name: connectionString
      value: ../.data/${name}.db
`;
}

const configuration = `# How apps find each other: through one file.
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: config
spec:
  nameResolution:
    component: sqlite
    version: v1
    configuration:
      connectionString: ../.data/names.db
`;

const ordersApp = `// Keeps orders. It knows its sidecar, and neither the store nor who calls it.
import { createServer } from 'node:http';

const sidecar = \`http://127.0.0.1:\${process.env.DAPR_HTTP_PORT}/v1.0\`;

createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  if (request.method === 'POST' && request.url === '/orders') {
    const order = { ...JSON.parse(body), at: new Date().toISOString() };
    await fetch(\`\${sidecar}/state/statestore\`, { method: 'POST', body: JSON.stringify([{ key: order.id, value: order }]) });
    await fetch(\`\${sidecar}/publish/pubsub/placed\`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order),
    });
    console.log('placed', order.id);
    return response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(order));
  }
  if (request.method === 'GET' && request.url.startsWith('/orders/')) {
    const kept = await fetch(\`\${sidecar}/state/statestore/\${request.url.slice('/orders/'.length)}\`);
    return response.writeHead(kept.status === 204 ? 404 : 200, { 'content-type': 'application/json' }).end(await kept.text());
  }
  response.writeHead(404).end();
}).listen(process.env.APP_PORT, '127.0.0.1');
`;

const shopApp = `// Takes orders, hands them to the app "orders", and hears of those that are placed.
import { createServer } from 'node:http';

const sidecar = \`http://127.0.0.1:\${process.env.DAPR_HTTP_PORT}/v1.0\`;

createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  if (request.url === '/dapr/subscribe') {
    return response.end(JSON.stringify([{ pubsubname: 'pubsub', topic: 'placed', route: '/placed' }]));
  }
  if (request.url === '/placed') {
    console.log('heard of', JSON.parse(body).data.id);
    return response.end();
  }
  if (request.method === 'POST' && request.url === '/buy') {
    const answer = await fetch(\`\${sidecar}/invoke/orders/method/orders\`, { method: 'POST', body });
    return response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  }
  response.writeHead(404).end();
}).listen(process.env.APP_PORT, '127.0.0.1');
`;

function readme(name: string): string {
  return `# ${name}

\`\`\`sh
npm install
npm start
\`\`\`

and in another terminal:

\`\`\`sh
npx outrigger list
npx outrigger invoke -a shop -m buy -d '{"id": "1", "item": "canoe"}'
npx outrigger invoke -a orders -m orders/1 -v GET
\`\`\`
`;
}
