import { Option } from 'commander';
import { dump } from 'js-yaml';
import { UserError } from './user-error.ts';

const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** For commander: `--output`, in any case; a table when it is not given. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to show it')
    .choices(outputFormats)
    .argParser(parseOutputFormat)
    .default('table' satisfies OutputFormat);
}

function parseOutputFormat(text: string): OutputFormat {
  const format = outputFormats.find((one) => one === text.toLowerCase());
  if (format !== undefined) return format;
  throw new UserError(`--output is "${text}"; it has to be one of ${outputFormats.join(', ')}`);
}

/** A value for programs; ends with a line break. */
export function render(value: unknown, format: Exclude<OutputFormat, 'table'>): string {
  return format === 'json' ? `${JSON.stringify(value, undefined, 2)}\n` : dump(value);
}

/** Columns as wide as what is in them, for people; ends with a line break. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
): string {
  const lines = [head, ...rows].map((row) => row.map((cell) => String(cell ?? '')));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
