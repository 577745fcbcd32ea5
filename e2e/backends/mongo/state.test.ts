import { requireBackend } from '@outrigger/conformance';

import { stateSuite } from '../../stores/state-suite.ts';

requireBackend('OUTRIGGER_TEST_MONGO', 'eval "$(e2e/backends/up.sh mongo)"', () => stateSuite('mongo'));
