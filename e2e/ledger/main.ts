// npm run ledger [-- --broker NAME] [--fault NAME] [--messages 10000] [--short] [--json FILE] [--keep]: writes numbered messages
// through faults and prints what came of them, one line for each broker and fault. --broker and --fault may be repeated.
// Exit code 1 when one was lost, dead-lettered without cause, or out of order where order is promised.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { brokers } from './brokers.ts';
import { type Extent, faults, long, short } from './fault.ts';
import { isBad, type Row } from './run.ts';
import { faultsOf, Session } from './session.ts';
import { header, line } from './table.ts';

const { values: options } = parseArgs({
  options: {
    broker: { type: 'string', multiple: true },
    fault: { type: 'string', multiple: true },
    messages: { type: 'string' },
    short: { type: 'boolean', default: false },
    json: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

function chosen<T extends { readonly name: string }>(what: string, all: readonly T[], names?: readonly string[]): T[] {
  const known = all.map(({ name }) => name);
  for (const name of names ?? []) {
    if (!known.includes(name)) throw new Error(`no ${what} is called ${name}; there are ${known.join(', ')}`);
  }
  return all.filter(({ name }) => names === undefined || names.includes(name));
}

const base = options.short ? short : long;
const extent: Extent = { ...base, messages: options.messages === undefined ? base.messages : Number(options.messages) };
const wantedFaults = new Set(chosen('fault', faults, options.fault));
const rows: Row[] = [];
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
}

try {
  console.log(header());
  for (const broker of chosen('broker', brokers, options.broker)) {
    await using session = await Session.open(broker);
    if (options.keep) session.keep();
    for (const fault of faultsOf(broker)) {
      if (!wantedFaults.has(fault)) continue;
      const row = await session.run(fault, extent, interrupted.signal);
      rows.push(row);
      console.log(line(row));
      if (!isBad(row)) continue;
      session.keep();
      console.log(`  its record and logs are in ${row.folder}`);
    }
  }
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  console.error(String(interrupted.signal.reason));
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, undefined, 2)}\n`);
process.exitCode = interrupted.signal.aborted ? 130 : rows.some(isBad) ? 1 : 0;
