import { readFileSync } from 'node:fs';
import { openComponent, requireBackend } from '@outrigger/conformance';
import { secretStoreConformance } from '@outrigger/conformance/secrets';
import { afterAll, beforeAll, vi } from 'vitest';
import definition from '../src/index.ts';
import { ApiServer, at, given, howToStartKubernetes, newNamespace, removeFolders } from './cluster.ts';

const oddSecrets = {
  'a.name-with.dots': { 'a.name-with.dots': 'value' },
  'many-values': { 'tls.crt': 'line one\nline two\n', UPPER_case: 'ünïcödé 🔑', empty: '' },
};

requireBackend('OUTRIGGER_TEST_KUBERNETES', howToStartKubernetes, (address) => {
  let namespace: string;
  let server: ApiServer;

  beforeAll(async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
    namespace = await newNamespace({
      conftestsecret: { conftestsecret: 'abcd' },
      secondsecret: { secondsecret: 'efgh' },
      multisecret: { user: 'u', password: 'p' },
      ...oddSecrets,
    });
    server = await ApiServer.create();
    await server.start();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.kill();
    await removeFolders();
  });

  const create = (kubeconfigPath: string) => openComponent(definition, { defaultNamespace: namespace, kubeconfigPath });

  secretStoreConformance(() => create(given('KUBECONFIG')), {
    oddSecrets,
    credentials: [...readFileSync(given('KUBECONFIG'), 'utf8').matchAll(/client-key-data: (\S+)/g)].map(
      ([, key = '']) => key,
    ),
    server: {
      create: async () => create(await at(server.address)),
      kill: () => server.kill(),
      start: () => server.start(),
    },
    network: {
      host: address.split(':')[0] ?? '',
      port: Number(address.split(':')[1]),
      create: async ({ address: proxied }) => create(await at(proxied)),
    },
  });
});
