import { requireBackend } from '@outrigger/conformance';

import { grpcSdkSuite } from '../../sdk-js/grpc-suite.ts';
import { sdkSuite } from '../../sdk-js/suite.ts';

requireBackend(
  'OUTRIGGER_TEST_RABBITMQ',
  'e2e/backends/up.sh rabbitmq, and set the variable to the address it prints',
  () => {
    sdkSuite('rabbitmq');
    grpcSdkSuite('rabbitmq');
  },
);
