import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Broker, Place } from './broker.ts';
import type { Extent, Fault, FaultName } from './fault.ts';
import { laneNames } from './message.ts';
import { reckon, type Reckoning } from './reckoning.ts';
import { Stage } from './stage.ts';
import { untilStalled } from './waiting.ts';

/** A line of the ledger. */
export interface Row extends Reckoning {
  readonly broker: string;
  readonly fault: FaultName;
  /** Of the lanes that promise order through this fault; empty when none does. */
  readonly ordered: readonly string[];
  /** How many attempts to publish were not confirmed. */
  readonly refused: number;
  /** Why the last of them was not. */
  readonly refusal: string;
  readonly seconds: number;
  /** The most duplicates that the fault excuses; `undefined`: any number. */
  readonly duplicatesExcused: number | undefined;
  /** What went wrong beside the figures. */
  readonly error: string | undefined;
  /** Where the record and the logs are. */
  readonly folder: string;
}

/** Whether a line shows what must not be. Duplicates are counted, not forbidden. */
export function isBad(row: Row): boolean {
  return (
    row.lost.length > 0 ||
    row.deadLetteredWithoutCause.length > 0 ||
    row.outOfOrder.length > 0 ||
    row.error !== undefined
  );
}

/** Publishes, injects the fault in the midst of it, and reckons once all has come or nothing comes any more. */
export async function runFault(
  broker: Broker,
  place: Place,
  fault: Fault,
  extent: Extent,
  signal: AbortSignal,
): Promise<Row> {
  const run = `${fault.name}-${randomBytes(4).toString('hex')}`;
  const folder = join(place.folder, run);
  mkdirSync(folder);
  const ordered = laneNames.filter((lane) => {
    const { order = [] } = broker.lanes[lane];
    return order === 'all' || order.includes(fault.name);
  });
  const begin = performance.now();
  await using stage = await Stage.open({
    broker,
    place,
    folder,
    run,
    messages: extent.messages,
    replicas: fault.replicas,
    cuttable: fault.name === 'network',
    signal,
  });
  const { publisher, record } = stage;
  let error: string | undefined;
  try {
    publisher.release(extent.messages * 0.3);
    await stage.progress(extent.messages * 0.1);
    const outcomes = await Promise.allSettled([
      publisher.pace(extent.messages * 0.5, fault.lengthMs(extent)),
      fault.inject(stage, extent),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    await publisher.finish(extent.patienceMs);
  } catch (thrown) {
    signal.throwIfAborted();
    error = textOf(thrown);
  }
  const { published } = publisher;
  const allSettled = () => {
    const settled = record.settled();
    return [...published.confirmed].every((id) => settled.has(id));
  };
  await untilStalled(allSettled, () => stage.settled, extent.patienceMs, signal);
  await untilStalled(
    () => false,
    () => record.entries().length,
    extent.settleMs,
    signal,
  );
  const row: Row = {
    broker: broker.name,
    fault: fault.name,
    ordered,
    refused: publisher.refused,
    refusal: publisher.refusal,
    ...reckon(published, record.entries(), new Set(ordered)),
    seconds: (performance.now() - begin) / 1000,
    duplicatesExcused: fault.duplicates,
    error,
    folder,
  };
  for (const [name, text] of stage.logs) writeFileSync(join(folder, `${name}.log`), text);
  writeFileSync(join(folder, 'row.json'), JSON.stringify(row, undefined, 2));
  return row;
}

/** The line of a run that did not come about. */
export function failedRow(broker: Broker, fault: Fault, error: unknown, folder: string): Row {
  return {
    broker: broker.name,
    fault: fault.name,
    ordered: [],
    refused: 0,
    refusal: '',
    ...reckon({ confirmed: new Set(), drops: new Set() }, [], new Set()),
    seconds: 0,
    duplicatesExcused: undefined,
    error: textOf(error),
    folder,
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
