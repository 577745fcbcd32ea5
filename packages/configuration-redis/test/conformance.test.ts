import { requireBackend } from '@outrigger/conformance';
import { configurationStoreConformance } from '@outrigger/conformance/configuration';
import { connectBackend, createStore, howToStart } from './create.ts';

requireBackend('OUTRIGGER_TEST_REDIS', howToStart, (redisHost) => {
  configurationStoreConformance({
    createStore: () => createStore({ redisHost }),
    connectBackend: () => connectBackend(redisHost),
  });
});
