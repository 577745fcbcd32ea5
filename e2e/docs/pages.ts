import { globSync } from 'node:fs';
import { root } from './tools.ts';

const isDecision = (path: string) => path.endsWith('decisions');
const all = globSync('docs/**/*.md', { cwd: root, exclude: isDecision }).map((path) => path.replaceAll('\\', '/'));

/** The pages of the three test files, which run beside each other. Every page is in one of them. */
export const quickStart = ['docs/quick-start.md'];
export const buildingBlocks = all.filter((path) => path.startsWith('docs/building-blocks/')).toSorted();
export const guides = [
  'README.md',
  ...all.filter((path) => ![...quickStart, ...buildingBlocks].includes(path)).toSorted(),
];
