import type { Metrics } from '@outrigger/runtime';

/** Dapr's categories of its error codes, by what a code contains; the first that fits counts. */
const categories: readonly (readonly [string, string])[] = [
  ['ACTOR', 'actor'],
  ['WORKFLOW', 'workflow'],
  ['INSTANCE_ID', 'workflow'],
  ['HEALTH', 'health'],
  ['CONFIGURATION', 'configuration'],
  ['CRYPTO', 'crypto'],
  ['SECRET', 'secret'],
  ['PERMISSION_DENIED', 'secret'],
  ['PUBSUB', 'pubsub'],
  ['TOPIC_NAME', 'pubsub'],
  ['PUBLISH', 'pubsub'],
  ['CONVERSATION', 'conversation'],
  ['DIRECT_INVOKE', 'service-invocation'],
  ['BINDING', 'binding'],
  ['LOCK', 'lock'],
  ['STATE', 'state'],
  ['SCHEDULER', 'job'],
];

/** Counts errors by their code, as `dapr_error_code_total`. */
export function errorCodeCounter(metrics: Metrics): (errorCode: string) => void {
  const known = new Map<string, { readonly category: string; readonly error_code: string }>();
  return (code) => {
    let labels = known.get(code);
    if (labels === undefined) {
      const category = categories.find(([part]) => code.includes(part))?.[1] ?? 'common';
      known.set(code, (labels = { category, error_code: code }));
    }
    metrics.count('dapr_error_code_total', labels);
  };
}
