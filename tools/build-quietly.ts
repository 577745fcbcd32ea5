// Builds what has changed and says one line about it; the whole output only when the build fails. For `npm start` and
// `npm run bench`, whose own output is what the reader came for.
import { spawnSync } from 'node:child_process';

const begin = performance.now();
console.log('building what has changed …');
const { status, stdout, stderr } = spawnSync('nx', ['run-many', '-t', 'build'], { encoding: 'utf8' });
if (status === 0) {
  console.log(`built in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
} else {
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  process.exitCode = 1;
}
