import { grpcSdkSuite } from './grpc-suite.ts';
import { sdkSuite } from './suite.ts';

sdkSuite('memory');
grpcSdkSuite('memory');
