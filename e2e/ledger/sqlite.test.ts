import { sqlite } from './brokers/sqlite.ts';
import { ledgerSuite } from './suite.ts';

ledgerSuite(sqlite);
