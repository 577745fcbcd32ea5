import type { Breaker } from '../instances/breakers.ts';
import type { InstanceDetails } from '../instances/instance-details.ts';
import { Problem, State, Table, Value } from './parts.tsx';

interface ResourcesTabProps {
  readonly details: InstanceDetails;
  readonly kind: 'Resiliency' | 'Configuration';
}

/** Resources of one kind, as their files have them; with policies, the breakers as they are now. */
export function ResourcesTab({ details, kind }: ResourcesTabProps) {
  const resources = details.resources.filter((one) => one.kind === kind);
  return (
    <section aria-label={kind}>
      {kind === 'Resiliency' && <Breakers breakers={details.breakers} />}
      <Problem text={details.problems.length > 0 ? details.problems.join('; ') : undefined} />
      {resources.length === 0 && <p class="none">There is no {kind} for this app in the files that are known here.</p>}
      {resources.map(({ name, file, spec }) => (
        <article key={`${file}/${name}`}>
          <h2>{name}</h2>
          <p>
            <code>{file}</code>
          </p>
          <Value value={spec} />
        </article>
      ))}
    </section>
  );
}

function Breakers({ breakers }: { readonly breakers: readonly Breaker[] | undefined }) {
  if (breakers === undefined)
    return <p class="none">The state of circuit breakers is in the metrics, which are off.</p>;
  return (
    <Table
      caption="Circuit breakers"
      head={['Resource', 'Target', 'Direction', 'State']}
      rows={breakers.map(({ name, target, direction, state }) => [
        name,
        target,
        direction,
        <State text={state} tone={state === 'closed' ? 'good' : state === 'open' ? 'bad' : 'warn'} />,
      ])}
      none="No breaker has been used yet."
    />
  );
}
