import { requireBackend } from '@outrigger/conformance';

import { stateSuite } from '../../stores/state-suite.ts';

requireBackend('OUTRIGGER_TEST_REDIS', 'eval "$(e2e/backends/up.sh redis)"', () => stateSuite('redis'));
