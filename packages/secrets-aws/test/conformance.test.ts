import { openComponent, requireBackend } from '@outrigger/conformance';
import { secretStoreConformance } from '@outrigger/conformance/secrets';
import { afterAll, beforeAll, describe } from 'vitest';
import parameterStore from '../src/parameter-store.ts';
import secretManager from '../src/secret-manager.ts';
import { createParameters, createSecrets, howToStartAws, login, MotoServer, unique } from './aws.ts';

const two = { conftestsecret: 'abcd', secondsecret: 'efgh' };
const multi = { multisecret: JSON.stringify({ user: 'u', password: 'p' }) };
const odd = { 'path/to+a=secret@home.x_y-z': 'ünïcödé\n🔑' };
const oddSecrets = Object.fromEntries(Object.entries(odd).map(([name, value]) => [name, { [name]: value }]));

requireBackend('OUTRIGGER_TEST_AWS', howToStartAws, (address) => {
  // what is stored in one region is not seen in another
  const single = { ...login, region: 'eu-west-1' };
  const several = { ...login, region: 'eu-west-2', multipleKeyValuesPerSecret: 'true' };
  const prefix = `/${unique('conformance')}/`;
  const parameters = Object.fromEntries(Object.entries(two).map(([name, value]) => [prefix + name, value]));

  const openSingle = (at: string) => openComponent(secretManager, { ...single, endpoint: `http://${at}` });
  const openSeveral = (at: string) => openComponent(secretManager, { ...several, endpoint: `http://${at}` });
  const openParameters = (at: string) => openComponent(parameterStore, { ...login, prefix, endpoint: `http://${at}` });

  beforeAll(async () => {
    await createSecrets(address, single.region, { ...two, ...odd });
    await createSecrets(address, several.region, { ...two, ...odd, ...multi });
    await createParameters(address, login.region, parameters);
  });

  const credentials = [login.accessKey, login.secretKey];

  describe('secretstores.aws.secretmanager', async () => {
    const server = await MotoServer.create((at) => createSecrets(at, single.region, { ...two, ...odd }));
    beforeAll(() => server?.start());
    afterAll(() => server?.[Symbol.asyncDispose]());

    secretStoreConformance(() => openSingle(address), {
      credentials,
      oddSecrets,
      // the way there is the same for all of them
      network: {
        host: address.split(':')[0] ?? '',
        port: Number(address.split(':')[1]),
        create: ({ address: proxied }) => openSingle(proxied),
      },
      ...(server && {
        server: {
          create: () => openSingle(server.address),
          kill: () => server.kill(),
          start: () => server.start(),
        },
      }),
    });
  });

  describe('secretstores.aws.secretmanager with several values per secret', () => {
    secretStoreConformance(() => openSeveral(address), { credentials, oddSecrets });
  });

  describe('secretstores.aws.parameterstore', () => {
    secretStoreConformance(() => openParameters(address), { credentials });
  });
});
