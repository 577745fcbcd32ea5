import { requireBackend } from '@outrigger/conformance';

import { querySuite } from '../../stores/query-suite.ts';

requireBackend('OUTRIGGER_TEST_MONGO', 'eval "$(e2e/backends/up.sh mongo)"', () => querySuite('mongo'));
