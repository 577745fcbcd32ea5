import type { SubscriptionSpec } from '../app-channel/app-channel.ts';
import { type Envelope, header, readSpec } from './envelope.ts';
import type { FieldReader } from './field-reader.ts';
import type { Resource } from './resource.ts';

/** `kind: Subscription`, v1alpha1 or v2alpha1, validated. */
export interface SubscriptionResource extends Resource {
  readonly spec: SubscriptionSpec;
}

export function readSubscription(envelope: Envelope): SubscriptionResource | undefined {
  return readSpec(envelope, (spec) => ({ ...header(envelope), spec: subscriptionOf(spec, envelope.apiVersion) }));
}

function subscriptionOf(spec: FieldReader, apiVersion: string): SubscriptionSpec {
  const deadLetterTopic = spec.text('deadLetterTopic');
  const bulk = spec.object('bulkSubscribe');
  const bulkSubscribe = bulk && bulkOf(bulk);
  return {
    pubsubName: spec.requiredText('pubsubname'),
    topic: spec.requiredText('topic'),
    ...(deadLetterTopic && { deadLetterTopic }),
    metadata: spec.textMap('metadata'),
    // a v1alpha1 resource has one route; without apiVersion the fields tell
    rules: apiVersion === 'v2alpha1' || spec.has('routes') ? rulesOf(spec) : [{ path: spec.requiredText('route') }],
    ...(bulkSubscribe && { bulkSubscribe }),
  };
}

function bulkOf(bulk: FieldReader): NonNullable<SubscriptionSpec['bulkSubscribe']> {
  const maxMessagesCount = bulk.integer('maxMessagesCount', 0);
  const maxAwaitDurationMs = bulk.integer('maxAwaitDurationMs', 0);
  const enabled = bulk.flag('enabled') ?? false;
  bulk.done();
  // 0 stands for the default, as in Dapr
  return { enabled, ...(maxMessagesCount && { maxMessagesCount }), ...(maxAwaitDurationMs && { maxAwaitDurationMs }) };
}

function rulesOf(spec: FieldReader): SubscriptionSpec['rules'] {
  const routes = spec.object('routes');
  if (routes === undefined) {
    if (!spec.has('routes'))
      spec.error(
        `spec.routes is missing: give it a default, or rules${spec.has('route') ? ' (route is for dapr.io/v1alpha1)' : ''}`,
      );
    return [];
  }
  const rules: { match?: string; path: string }[] = routes.objects('rules').map((rule) => {
    const match = rule.text('match');
    const path = rule.requiredText('path');
    rule.done();
    return { ...(match && { match }), path };
  });
  const path = routes.text('default');
  routes.done();
  if (path) rules.push({ path });
  if (rules.length === 0) routes.error('spec.routes names no path: give it a default, or rules');
  return rules;
}
