import type { Row } from './run.ts';

const columns: readonly { readonly title: string; readonly width: number; readonly cell: (row: Row) => string }[] = [
  { title: 'broker', width: 14, cell: ({ broker }) => broker },
  { title: 'fault', width: 10, cell: ({ fault }) => fault },
  { title: 'published', width: 10, cell: ({ published }) => String(published) },
  { title: 'handled', width: 8, cell: ({ handled }) => String(handled) },
  { title: 'lost', width: 5, cell: ({ lost }) => String(lost.length) },
  {
    title: 'dead-lettered (without cause)',
    width: 30,
    cell: ({ deadLettered, deadLetteredWithoutCause }) => `${deadLettered} (${deadLetteredWithoutCause.length})`,
  },
  {
    title: 'out of order',
    width: 13,
    cell: ({ ordered, outOfOrder }) => (ordered.length === 0 ? '-' : String(outOfOrder.length)),
  },
  {
    title: 'duplicates',
    width: 11,
    cell: ({ duplicates, duplicatesExcused: excused }) => {
      return `${duplicates}${excused !== undefined && duplicates > excused ? '!' : ''}`;
    },
  },
  { title: 'refused', width: 8, cell: ({ refused }) => String(refused) },
  { title: 'seconds', width: 8, cell: ({ seconds }) => seconds.toFixed(1) },
];

export function header(): string {
  return columns.map(({ title, width }) => title.padEnd(width)).join(' ');
}

export function line(row: Row): string {
  const cells = columns.map(({ width, cell }) => cell(row).padEnd(width)).join(' ');
  return row.error === undefined ? cells : `${cells} ${row.error.split('\n')[0]}`;
}
