import { testPages } from './page-tests.ts';
import { buildingBlocks } from './pages.ts';

testPages(buildingBlocks);
