import type { InstanceDetails } from '../instances/instance-details.ts';
import { State, Table, Value } from './parts.tsx';

export interface SubscriptionMetadata {
  readonly pubsubname: string;
  readonly topic: string;
  readonly type: string;
  readonly deadLetterTopic?: string;
  readonly rules?: readonly { readonly match?: string; readonly path?: string }[];
}

export interface LoadedComponent {
  readonly name: string;
  readonly type: string;
  readonly version: string;
  readonly capabilities?: readonly string[];
  /** Absent: it is up. */
  readonly status?: 'unavailable' | 'retrying';
  /** Why it is not. */
  readonly message?: string;
}

/** What is shown of `GET /v1.0/metadata`. */
export interface Metadata {
  readonly runtimeVersion?: string;
  readonly components?: readonly LoadedComponent[];
  readonly subscriptions?: readonly SubscriptionMetadata[];
  readonly enabledFeatures?: readonly string[];
  readonly extended?: Readonly<Record<string, string>>;
  readonly appConnectionProperties?: unknown;
}

export function OverviewTab({ details, metadata }: { readonly details: InstanceDetails; readonly metadata: Metadata }) {
  const facts = [
    ['Command', details.command],
    ['App port', details.appPort],
    ['HTTP port', details.httpPort],
    ['gRPC port', details.grpcPort],
    ['Metrics port', details.metricsPort],
    ['Sidecar process', details.sidecarPid],
    ['App process', details.appPid],
    ['Started', details.startedAt],
    ['API of Dapr', metadata.runtimeVersion],
    ['Features', metadata.enabledFeatures?.join(', ')],
  ].filter(([, value]) => value !== undefined && value !== '');
  return (
    <section aria-labelledby="overview">
      <h2 id="overview">Overview</h2>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h2>Connection to the app</h2>
      <Value value={metadata.appConnectionProperties ?? {}} />
      <h2>Metadata</h2>
      <Value value={metadata.extended ?? {}} />
    </section>
  );
}

export function ComponentsTab({ metadata: { components = [] } }: { readonly metadata: Metadata }) {
  return (
    <Table
      caption="Components"
      head={['Name', 'Type', 'Version', 'State', 'Capabilities']}
      rows={components.map(({ name, type, version, status, message, capabilities = [] }) => [
        name,
        <code>{type}</code>,
        version,
        <>
          <State text={status ?? 'loaded'} tone={status === undefined ? 'good' : 'bad'} />
          {message && <p class="problem">{message}</p>}
        </>,
        capabilities.join(', '),
      ])}
      none="No components are loaded."
    />
  );
}

export function SubscriptionsTab({ metadata: { subscriptions = [] } }: { readonly metadata: Metadata }) {
  return (
    <Table
      caption="Subscriptions"
      head={['Pub/sub', 'Topic', 'Kind', 'Routes', 'Dead letters']}
      rows={subscriptions.map(({ pubsubname, topic, type, rules = [], deadLetterTopic }) => [
        pubsubname,
        topic,
        type.toLowerCase(),
        rules.map(({ match, path }) => (match ? `${path ?? ''} when ${match}` : path)).join(', '),
        deadLetterTopic || '–',
      ])}
      none="The app subscribes to nothing."
    />
  );
}
