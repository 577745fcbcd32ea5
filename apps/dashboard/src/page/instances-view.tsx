import type { Health, InstanceSummary } from '../instances/instance-details.ts';
import { usePolled } from './api.ts';
import { Problem, State, Table, timeOf } from './parts.tsx';
import { linkTo } from './use-route.ts';

const tones = { ready: 'good', starting: 'warn', gone: 'bad' } as const;

export function HealthState({ health }: { readonly health: Health }) {
  return <State text={health} tone={tones[health]} />;
}

export function InstancesView() {
  const { data: instances = [], error } = usePolled<readonly InstanceSummary[]>('/api/instances');
  const unhealthy = instances.filter(({ health }) => health !== 'ready').length;
  return (
    <>
      <h1>Apps</h1>
      <Problem text={error} />
      <p role="status">
        {instances.length} running{unhealthy > 0 && `, ${unhealthy} not ready`}
      </p>
      <Table
        caption="Apps that run, and their sidecars"
        head={['App', 'Health', 'App port', 'HTTP', 'gRPC', 'Started', 'Processes', 'Command']}
        rows={instances.map((one) => [
          <a href={linkTo('apps', one.id)}>{one.appId}</a>,
          <HealthState health={one.health} />,
          one.appPort ?? '–',
          one.httpPort,
          one.grpcPort ?? '–',
          one.startedAt ? timeOf(one.startedAt) : '–',
          [one.sidecarPid && `sidecar ${one.sidecarPid}`, one.appPid && `app ${one.appPid}`].filter(Boolean).join(', '),
          <code>{one.command}</code>,
        ])}
        none="No app runs. Start one: outrigger run -a <app id> -- <command>"
      />
    </>
  );
}
