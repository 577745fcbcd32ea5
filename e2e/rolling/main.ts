// npm run soak:rolling [-- --rate 500] [-- --rounds 3]: three instances are replaced one after the other, again and again, under load;
// ends with 1 when a call failed.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { Load } from './load.ts';
import { Scene } from './scene.ts';

const { values } = parseArgs({
  options: { rate: { type: 'string', default: '500' }, rounds: { type: 'string', default: '3' } },
});
await using scene = await Scene.start();
const begin = performance.now();
const load = new Load(scene.shop, Number(values.rate));
for (let round = 0; round < Number(values.rounds); round++) await scene.roll();
await sleep(1000);
await load.end();
const seconds = (performance.now() - begin) / 1000;
console.log(
  `${load.calls} calls in ${seconds.toFixed(0)} s (${(load.calls / seconds).toFixed(0)} a second), ${load.answered.size} instances, ${load.failures.length} calls failed`,
);
for (const failure of load.failures.slice(0, 20)) console.log(failure);
process.exitCode = load.failures.length > 0 ? 1 : 0;
