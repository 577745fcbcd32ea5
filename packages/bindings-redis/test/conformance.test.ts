import { requireBackend } from '@outrigger/conformance';
import { bindingsConformance } from '@outrigger/conformance/bindings';
import { createBinding } from './create.ts';

const start = 'redis-server, then OUTRIGGER_TEST_REDIS=127.0.0.1:6379 npm run test:backends';
requireBackend('OUTRIGGER_TEST_REDIS', start, (redisHost) => {
  bindingsConformance(() => createBinding({ redisHost }), { address: (key) => ({ key }) });
});
