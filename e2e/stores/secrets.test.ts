import { secretSuite } from './secret-suite.ts';

secretSuite('local-file');
secretSuite('local-env');
