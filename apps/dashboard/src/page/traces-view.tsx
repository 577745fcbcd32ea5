import { useState } from 'preact/hooks';

import type { TraceSummary } from '../traces/trace-store.ts';
import { usePolled } from './api.ts';
import { durationOf, Problem, State, Table, timeOf } from './parts.tsx';
import { linkTo } from './use-route.ts';

export function TracesView() {
  const { data: traces = [], error } = usePolled<readonly TraceSummary[]>('/api/traces');
  const [filter, setFilter] = useState('');
  const found = traces.filter(({ traceId, name, services }) => [traceId, name, ...services].join(' ').includes(filter));
  return (
    <>
      <h1>Traces</h1>
      <Problem text={error} />
      <form class="fields" onSubmit={(event) => event.preventDefault()}>
        <label>
          Name, service or id
          <input type="search" value={filter} onInput={({ currentTarget }) => setFilter(currentTarget.value)} />
        </label>
      </form>
      <Table
        caption="The last traces"
        head={['Time', 'Trace', 'Services', 'Duration', 'Spans', 'Result']}
        rows={found.map((one) => [
          timeOf(one.startMs),
          <a href={linkTo('traces', one.traceId)}>{one.name || one.traceId}</a>,
          one.services.join(', '),
          durationOf(one.durationMs),
          one.spans,
          one.errors > 0 ? <State text={`${one.errors} failed`} tone="bad" /> : <State text="ok" tone="good" />,
        ])}
        none={`None has come. Send them here: OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}`}
      />
    </>
  );
}
