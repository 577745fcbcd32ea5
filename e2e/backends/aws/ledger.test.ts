import { requireBackend } from '@outrigger/conformance';

import { aws } from '../../ledger/brokers/aws.ts';
import { ledgerSuite } from '../../ledger/suite.ts';

// it starts one of its own, which it kills
requireBackend('OUTRIGGER_TEST_AWS', 'eval "$(e2e/backends/up.sh aws)"', () => ledgerSuite(aws));
