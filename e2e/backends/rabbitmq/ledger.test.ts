import { requireBackend } from '@outrigger/conformance';

import { rabbitmq } from '../../ledger/brokers/rabbitmq.ts';
import { ledgerSuite } from '../../ledger/suite.ts';

// it starts one of its own, which it kills
requireBackend('OUTRIGGER_TEST_RABBITMQ', 'eval "$(e2e/backends/up.sh rabbitmq)"', () => ledgerSuite(rabbitmq));
