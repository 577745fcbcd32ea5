import { useState } from 'preact/hooks';

import type { WaterfallRow } from '../traces/waterfall.ts';
import { usePolled } from './api.ts';
import { durationOf, Problem, State, Value } from './parts.tsx';

/** The spans of one trace, as bars below each other. */
export function TraceView({ id }: { readonly id: string }) {
  const { data: rows = [], error } = usePolled<readonly WaterfallRow[]>(`/api/traces/${encodeURIComponent(id)}`);
  const [open, setOpen] = useState<string>();
  const start = Math.min(...rows.map(({ span }) => span.startMs));
  const services = [...new Set(rows.map(({ span }) => span.service))];
  return (
    <>
      <h1>Trace</h1>
      <p>
        <code>{id}</code>
      </p>
      <Problem text={rows.length === 0 ? error : undefined} />
      <div class="scroll">
        <table class="waterfall">
          <caption>
            {rows.length} spans of {services.join(', ') || 'no service yet'}
          </caption>
          <thead>
            <tr>
              <th scope="col">Span</th>
              <th scope="col">Service</th>
              <th scope="col">Duration</th>
              <th scope="col">Time</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <SpanRow
                key={row.span.spanId + row.span.service}
                row={row}
                hue={services.indexOf(row.span.service) % 6}
                start={start}
                isOpen={open === row.span.spanId}
                onToggle={() => setOpen(open === row.span.spanId ? undefined : row.span.spanId)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface SpanRowProps {
  readonly row: WaterfallRow;
  /** Number of the service's colour. */
  readonly hue: number;
  /** Of the trace. */
  readonly start: number;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function SpanRow({ row: { span, depth, offset, width }, hue, start, isOpen, onToggle }: SpanRowProps) {
  const duration = durationOf(span.endMs - span.startMs);
  return (
    <>
      <tr>
        <td>
          <button
            type="button"
            class="plain"
            aria-expanded={isOpen}
            onClick={onToggle}
            style={{ marginLeft: `${Math.min(depth, 20)}rem` }}
          >
            {span.name}
          </button>
          {span.error !== undefined && <State text="failed" tone="bad" />}
        </td>
        <td>{span.service}</td>
        <td>{duration}</td>
        <td class="bars">
          <svg
            role="img"
            aria-label={`begins after ${durationOf(span.startMs - start)}, takes ${duration}`}
            width="100%"
            height="14"
          >
            <rect
              class={`bar service-${hue}`}
              x={`${offset * 100}%`}
              width={`${Math.max(width * 100, 0.4)}%`}
              y="2"
              height="10"
              rx="2"
            />
          </svg>
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={4}>
            {span.error !== undefined && <p class="problem">{span.error}</p>}
            <Value value={{ kind: span.kind, spanId: span.spanId, ...span.attributes }} />
          </td>
        </tr>
      )}
    </>
  );
}
