import { requireBackend } from '@outrigger/conformance';

import { officialSdkSuite } from '../../official-sdks/suite.ts';

requireBackend('OUTRIGGER_TEST_REDIS', 'eval "$(e2e/backends/up.sh redis)"', () => officialSdkSuite('java', 'redis'));
