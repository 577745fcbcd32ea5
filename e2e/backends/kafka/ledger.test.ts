import { requireBackend } from '@outrigger/conformance';

import { kafka } from '../../ledger/brokers/kafka.ts';
import { ledgerSuite } from '../../ledger/suite.ts';

// it starts one of its own, which it kills
requireBackend('OUTRIGGER_TEST_KAFKA', 'eval "$(e2e/backends/up.sh kafka)"', () => ledgerSuite(kafka));
