import { officialSdkSuite } from '../official-sdks/suite.ts';

officialSdkSuite('go', 'memory');
