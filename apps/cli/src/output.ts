import { Option } from 'commander';
import { dump } from 'js-yaml';
import { UserError } from './user-error.ts';

const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** For commander: `--output`, in any case; a table, which stands for what people read, when it is not given. */
export function outputOption(help = 'how to show it'): Option {
  return new Option('-o, --output <format>', help)
    .choices(outputFormats)
    .argParser(parseOutputFormat)
    .default('table' satisfies OutputFormat);
}

function parseOutputFormat(text: string): OutputFormat {
  const format = outputFormats.find((one) => one === text.toLowerCase());
  if (format !== undefined) return format;
  throw new UserError(`--output is "${text}"; it has to be one of ${outputFormats.join(', ')}`);
}

/**
 * The format that a command line asks for, before it is parsed: what is wrong with it is told in that format, too. What `run` runs has
 * flags of its own.
 */
export function formatIn(args: readonly string[]): OutputFormat {
  if (args[0] === 'run') return 'table';
  const end = args.indexOf('--');
  const own = end < 0 ? args : args.slice(0, end);
  const given = own.flatMap((arg, index) => {
    if (arg === '-o' || arg === '--output') return own[index + 1] ?? [];
    return /^(?:-o|--output=)(.+)$/.exec(arg)?.[1] ?? [];
  });
  return outputFormats.find((one) => one === given.at(-1)?.toLowerCase()) ?? 'table';
}

/** Writes what a command has done or found to standard output: a text for people, the value for programs. */
export function writeResult(format: OutputFormat, value: unknown, text: () => string): void {
  process.stdout.write(format === 'table' ? text() : render(value, format));
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
