import { sdkSuite } from './suite.ts';

sdkSuite('sqlite');
