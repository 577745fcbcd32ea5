import { requireBackend } from '@outrigger/conformance';

import { redis } from '../../ledger/brokers/redis.ts';
import { ledgerSuite } from '../../ledger/suite.ts';

// it starts one of its own, which it kills
requireBackend('OUTRIGGER_TEST_REDIS', 'eval "$(e2e/backends/up.sh redis)"', () => ledgerSuite(redis));
