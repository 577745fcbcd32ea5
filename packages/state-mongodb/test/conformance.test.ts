import { requireBackend } from '@outrigger/conformance';
import { stateStoreConformance } from '@outrigger/conformance/state';
import { createStore } from './create.ts';

const start = 'eval "$(e2e/backends/up.sh mongo)", then npm run test:backends';
requireBackend('OUTRIGGER_TEST_MONGO', start, (host) => {
  stateStoreConformance(() => createStore({ host, databaseName: 'conformance' }), {
    maxValueBytes: 16 * 1024 * 1024 - 16 * 1024,
    refusedValueBytes: 16 * 1024 * 1024,
  });
});
