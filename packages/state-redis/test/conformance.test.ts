import { requireBackend } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { createStore } from './create.ts';

const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
requireBackend('OUTRIGGER_TEST_REDIS', start, (redisHost) => {
  stateStoreConformance(() => createStore({ redisHost }), {
    impossibleEtag: 'not-a-number',
    foreignEtag: '987654321',
    repeatsEtags: true,
    etagMakesItem: true,
  });
});
