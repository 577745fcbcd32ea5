import { requireBackend } from '@outrigger/conformance';

import { stateSuite } from '../../stores/state-suite.ts';

requireBackend('OUTRIGGER_TEST_POSTGRES', 'eval "$(e2e/backends/up.sh postgres)"', () => stateSuite('postgres'));
