import type { ComponentChildren } from 'preact';

/** What went wrong; read out at once. Nothing where nothing did. */
export function Problem({ text }: { readonly text: string | undefined }) {
  return (
    <p role="alert" class={text === undefined ? 'empty' : 'problem'}>
      {text}
    </p>
  );
}

/** A word with a mark, so that its colour is not all that tells. */
export function State({ text, tone }: { readonly text: string; readonly tone: 'good' | 'bad' | 'warn' | 'none' }) {
  const mark = { good: '●', bad: '▲', warn: '◆', none: '○' }[tone];
  return (
    <span class={`state ${tone}`}>
      <span aria-hidden="true">{mark}</span> {text}
    </span>
  );
}

interface TableProps {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly ComponentChildren[])[];
  /** Shown in place of the rows when there are none. */
  readonly none: string;
}

export function Table({ caption, head, rows, none }: TableProps) {
  return (
    <div class="scroll">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.length === 0 ? (
            <tr>
              <td colSpan={head.length} class="none">
                {none}
              </td>
            </tr>
          ) : (
            rows.map((cells, index) => (
              <tr key={index}>
                {cells.map((cell, column) => (
                  <td key={column}>{cell}</td>
                ))}
              </tr>
            ))
          )}
        </tbody>
      </table>
    </div>
  );
}

/** A value as YAML would nearly have it. */
export function Value({ value }: { readonly value: unknown }) {
  return <pre class="value">{typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)}</pre>;
}

export function timeOf(date: number | string): string {
  return new Date(date).toLocaleTimeString(undefined, { hour12: false });
}

export function durationOf(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(2)} ms`;
}
