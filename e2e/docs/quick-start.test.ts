import { testPages } from './page-tests.ts';
import { quickStart } from './pages.ts';

testPages(quickStart);
