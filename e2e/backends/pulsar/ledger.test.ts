import { requireBackend } from '@outrigger/conformance';

import { pulsar } from '../../ledger/brokers/pulsar.ts';
import { ledgerSuite } from '../../ledger/suite.ts';

// it starts one of its own, which it kills
requireBackend('OUTRIGGER_TEST_PULSAR', 'eval "$(e2e/backends/up.sh pulsar)"', () => ledgerSuite(pulsar));
