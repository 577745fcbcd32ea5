import { requireBackend } from '@outrigger/conformance';

import { grpcSdkSuite } from '../../sdk-js/grpc-suite.ts';
import { sdkSuite } from '../../sdk-js/suite.ts';

requireBackend(
  'OUTRIGGER_TEST_PULSAR',
  'e2e/backends/up.sh pulsar, and set the variable to the address it prints',
  () => {
    sdkSuite('pulsar');
    grpcSdkSuite('pulsar');
  },
);
