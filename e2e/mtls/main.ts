import { parseArgs } from 'node:util';

import { callUnderLoad } from './load.ts';
import { startScene } from './scene.ts';

/** Certificates are renewed every ten seconds while calls go on; ends with 1 when one of these failed. */
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes is "${values.minutes}": it has to be a number above 0`);

await using scene = await startScene({ ttl: 20_000 });
const { orders, sentry, shop } = scene;
const before = sentry.requests.length;
const { calls, failures } = await callUnderLoad({
  caller: shop,
  appId: 'orders',
  duration: minutes * 60_000,
  connections: 16,
});
const renewals = sentry.requests.length - before;
console.log(`${calls} calls in ${minutes} min, ${renewals} certificates renewed, ${failures.length} calls failed`);
for (const failure of failures.slice(0, 20)) console.log(failure);
const complaints = `${orders.output}${shop.output}`.split('\n').filter((line) => /level=(warning|error)/.test(line));
for (const line of complaints.slice(0, 20)) console.log(line);
const tooFew = renewals < Math.floor(minutes * 60 * 2 * 0.08);
if (tooFew) console.log('too few certificates were renewed: they should be every ten seconds, for two sidecars');
process.exitCode = failures.length > 0 || tooFew ? 1 : 0;
