import { sdkSuite } from './suite.ts';

sdkSuite('memory');
