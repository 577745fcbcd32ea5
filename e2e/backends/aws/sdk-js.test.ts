import { requireBackend } from '@outrigger/conformance';

import { grpcSdkSuite } from '../../sdk-js/grpc-suite.ts';
import { sdkSuite } from '../../sdk-js/suite.ts';

requireBackend('OUTRIGGER_TEST_AWS', 'e2e/backends/up.sh aws, and set the variable to the address it prints', () => {
  sdkSuite('aws');
  grpcSdkSuite('aws');
});
