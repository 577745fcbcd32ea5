import { officialSdkSuite } from '../official-sdks/suite.ts';

officialSdkSuite('java', 'memory');
