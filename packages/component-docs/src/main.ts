import { errorMessage } from '@outrigger/core';

import { componentDocs } from './component-docs.ts';
import { staleFiles, writeFiles } from './generated-files.ts';

const command = 'outrigger-component-docs';
const [mode, ...rest] = process.argv.slice(2);
const usage = `usage: ${command} [--check], in the folder of the component's package.json`;

if (mode === '--help' && rest.length === 0) {
  console.log(usage);
} else if (rest.length > 0 || (mode !== undefined && mode !== '--check')) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    const folder = process.cwd();
    const files = await componentDocs(folder);
    const isCheck = mode === '--check';
    const stale = isCheck ? staleFiles(folder, files) : writeFiles(folder, files);
    for (const file of stale) console.log(isCheck ? `${file} is stale: run ${command}` : `wrote ${file}`);
    if (isCheck && stale.length > 0) process.exitCode = 1;
  } catch (error) {
    console.error(`${command}: ${errorMessage(error)}`);
    process.exitCode = 1;
  }
}
