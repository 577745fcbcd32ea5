import { testPages } from './page-tests.ts';
import { guides } from './pages.ts';

testPages(guides);
