export type FamilyKind = 'counter' | 'gauge' | 'histogram';

/** One combination of labels of a family. */
export interface Series {
  /** As the text has them, between the braces. */
  readonly labels: string;
  /** Of a histogram: the sum of what was observed. */
  value: number;
  /** Upper ends of the buckets, rising. */
  readonly bounds: readonly number[];
  /** How many fell into each bucket, the last for what is above all bounds; histograms alone have it. */
  readonly counts: Float64Array | undefined;
}

export interface Family {
  readonly name: string;
  readonly kind: FamilyKind;
  readonly help: string;
  readonly bounds: readonly number[];
  readonly series: Series[];
}

/** A family in the text format of Prometheus, version 0.0.4. */
export function familyText({ name, kind, help, series }: Family): string {
  let text = `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${kind}\n`;
  for (const { labels, value, bounds, counts } of series) {
    if (counts === undefined) {
      text += `${name}${braced(labels)} ${value}\n`;
      continue;
    }
    let below = 0;
    for (const [index, bound] of bounds.entries()) {
      below += counts[index] ?? 0;
      text += `${name}_bucket{${labels},le="${boundText(bound)}"} ${below}\n`;
    }
    below += counts[bounds.length] ?? 0;
    text += `${name}_bucket{${labels},le="+Inf"} ${below}\n${name}_sum{${labels}} ${value}\n${name}_count{${labels}} ${below}\n`;
  }
  return text;
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

/** As Go writes a number, since a dashboard may name a bucket: `100000`, `1.048576e+06`. */
function boundText(bound: number): string {
  if (bound < 1e6) return String(bound);
  const [digits = '', exponent = ''] = bound.toExponential().split('e+');
  return `${digits}e+${exponent.padStart(2, '0')}`;
}
