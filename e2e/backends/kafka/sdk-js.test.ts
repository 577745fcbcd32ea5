import { requireBackend } from '@outrigger/conformance';

import { grpcSdkSuite } from '../../sdk-js/grpc-suite.ts';
import { sdkSuite } from '../../sdk-js/suite.ts';

requireBackend(
  'OUTRIGGER_TEST_KAFKA',
  'e2e/backends/up.sh kafka, and set the variable to the address it prints',
  () => {
    sdkSuite('kafka');
    grpcSdkSuite('kafka');
  },
);
