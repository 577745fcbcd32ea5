import { requireBackend } from '@outrigger/conformance';

import { querySuite } from '../../stores/query-suite.ts';

requireBackend('OUTRIGGER_TEST_REDISEARCH', 'eval "$(e2e/backends/up.sh redisearch)"', () => querySuite('redisearch'));
