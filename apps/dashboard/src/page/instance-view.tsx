import type { InstanceDetails } from '../instances/instance-details.ts';
import { instancePath, usePolled } from './api.ts';
import { HealthState } from './instances-view.tsx';
import { LogsTab } from './logs-tab.tsx';
import { Problem } from './parts.tsx';
import { ResourcesTab } from './resources-tab.tsx';
import { ComponentsTab, type Metadata, OverviewTab, SubscriptionsTab } from './runtime-tabs.tsx';
import { StateTab } from './state-tab.tsx';
import { TopicsTab } from './topics-tab.tsx';
import { linkTo } from './use-route.ts';

const tabs = [
  ['overview', 'Overview'],
  ['components', 'Components'],
  ['subscriptions', 'Subscriptions'],
  ['resiliency', 'Resiliency'],
  ['configuration', 'Configuration'],
  ['topics', 'Topics'],
  ['state', 'State'],
  ['logs', 'Logs'],
] as const;

export function InstanceView({ id, tab }: { readonly id: string; readonly tab: string }) {
  const { data, error } = usePolled<InstanceDetails>(instancePath(id));
  const metadata: Metadata = data?.metadata ?? {};
  const ofKind = (kind: string) => (metadata.components ?? []).filter(({ type }) => type.startsWith(`${kind}.`));
  return (
    <>
      <h1>{data?.appId ?? 'App'}</h1>
      <Problem text={error} />
      {data && <HealthState health={data.health} />}
      <nav aria-label="Of this app" class="tabs">
        {tabs.map(([name, title]) => (
          <a key={name} href={linkTo('apps', id, name)} aria-current={tab === name ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {data === undefined ? (
        <p role="status">Asking the sidecar…</p>
      ) : tab === 'components' ? (
        <ComponentsTab metadata={metadata} />
      ) : tab === 'subscriptions' ? (
        <SubscriptionsTab metadata={metadata} />
      ) : tab === 'resiliency' ? (
        <ResourcesTab details={data} kind="Resiliency" />
      ) : tab === 'configuration' ? (
        <ResourcesTab details={data} kind="Configuration" />
      ) : tab === 'topics' ? (
        <TopicsTab
          id={id}
          pubsubs={ofKind('pubsub').map(({ name }) => name)}
          subscriptions={metadata.subscriptions ?? []}
        />
      ) : tab === 'state' ? (
        <StateTab id={id} stores={ofKind('state')} />
      ) : tab === 'logs' ? (
        <LogsTab id={id} logs={data.logs} />
      ) : (
        <OverviewTab details={data} metadata={metadata} />
      )}
    </>
  );
}
