import { stateSuite } from './state-suite.ts';

stateSuite('memory');
stateSuite('sqlite');
