import { officialSdkSuite } from '../official-sdks/suite.ts';

officialSdkSuite('python', 'memory');
