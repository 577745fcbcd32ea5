/** The place of a message in the batch that the broker keeps as one. */
interface BatchPlace {
  readonly batch: string;
  readonly index: number;
  readonly size: number;
}

/** From this many batches on the oldest are forgotten: their messages may then be handled twice. */
const maxBatches = 10_000;

/**
 * What was handled of batches of which something is left. The broker redelivers a batch as a whole, unless it tracks
 * acknowledgements within batches, which is off by default; the neighbours of a failed message are told apart here.
 */
export class PartialBatches {
  readonly #settled = new Map<string, Set<number>>();

  settle(id: string): void {
    const place = placeOf(id);
    if (!place) return;
    const settled = this.#settled.get(place.batch) ?? new Set();
    settled.add(place.index);
    if (settled.size >= place.size) this.#settled.delete(place.batch);
    else if (settled.size === 1) this.#add(place.batch, settled);
  }

  /** Whether this message was handled while others of its batch are not yet. */
  isSettled(id: string): boolean {
    if (this.#settled.size === 0) return false;
    const place = placeOf(id);
    return place !== undefined && (this.#settled.get(place.batch)?.has(place.index) ?? false);
  }

  #add(batch: string, settled: Set<number>): void {
    this.#settled.set(batch, settled);
    if (this.#settled.size <= maxBatches) return;
    const [oldest] = this.#settled.keys();
    if (oldest !== undefined) this.#settled.delete(oldest);
  }
}

// A message id is the Protocol Buffers message MessageIdData in base64: 1 ledger, 2 entry, 3 partition, 4 index in the batch,
// 6 size of the batch; all of them varints.
function placeOf(id: string): BatchPlace | undefined {
  const bytes = Buffer.from(id, 'base64');
  const numbers: number[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < bytes.length; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const tag = varint();
    if ((tag & 7) === 2) at += varint();
    else if ((tag & 7) === 0) numbers[tag >> 3] = varint();
    else return undefined;
  }
  const [, ledger, entry, partition, index, , size = 0] = numbers;
  if (index === undefined || size <= 1) return undefined;
  return { batch: `${ledger}:${entry}:${partition}`, index, size };
}
