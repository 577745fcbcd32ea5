import type { Logger } from '@outrigger/core';

import type { SubscriptionSpec } from './app-channel.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads an app's answer to `GET /dapr/subscribe`: an array of subscriptions in the forms of v1alpha1 (`route`) and v2alpha1
 * (`routes`). Names are read in any case. Entries with no route are left out with a warning. Throws what is wrong with the
 * answer as a whole.
 */
export function parseSubscriptions(text: string, logger: Logger): SubscriptionSpec[] {
  const answer: unknown = text.trim() === '' ? [] : JSON.parse(text);
  if (answer === null) return [];
  if (!Array.isArray(answer)) throw new TypeError('the answer to GET /dapr/subscribe is not a JSON array');
  return answer.flatMap((entry: unknown) => {
    const spec = parseSubscription(lowerNames(entry));
    if (spec.rules.length > 0) return [spec];
    logger.warn(
      `topic ${spec.topic} on pubsub ${spec.pubsubName} has no route in the app's answer; it is not subscribed`,
    );
    return [];
  });
}

function parseSubscription(entry: Json): SubscriptionSpec {
  const routes = lowerNames(entry['routes']);
  const rules = (Array.isArray(routes['rules']) ? routes['rules'] : []).flatMap((item: unknown) => {
    const rule = lowerNames(item);
    const path = text(rule['path']);
    return path === '' ? [] : [{ match: text(rule['match']), path }];
  });
  const fallback = text(routes['default']) || text(entry['route']);
  const bulk = lowerNames(entry['bulksubscribe']);
  const deadLetterTopic = text(entry['deadlettertopic']);
  return {
    pubsubName: text(entry['pubsubname']),
    topic: text(entry['topic']),
    metadata: textValues(entry['metadata']),
    rules: fallback === '' ? rules : [...rules, { path: fallback }],
    ...(deadLetterTopic === '' ? {} : { deadLetterTopic }),
    ...(bulk['enabled'] === true
      ? {
          bulkSubscribe: {
            enabled: true,
            maxMessagesCount: count(bulk['maxmessagescount']),
            maxAwaitDurationMs: count(bulk['maxawaitdurationms']),
          },
        }
      : {}),
  };
}

function lowerNames(value: unknown): Json {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name.toLowerCase(), member as unknown]));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** 0 stands for the default. */
function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}

/** Metadata values may be booleans and numbers too. */
function textValues(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, typeof member === 'string' ? member : JSON.stringify(member)]),
  );
}
