import { sdkSuite } from '../../sdk-js/suite.ts';

sdkSuite('redis');
