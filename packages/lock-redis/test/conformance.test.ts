import { requireBackend } from '@outrigger/conformance';
import { lockStoreConformance } from '@outrigger/conformance/lock';
import { createStore, howToStart } from './create.ts';

requireBackend('OUTRIGGER_TEST_REDIS', howToStart, (redisHost) => {
  lockStoreConformance(() => createStore({ redisHost }), { expiryGranularityMs: 100 });
});
