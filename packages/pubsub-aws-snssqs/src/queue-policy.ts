import { ComponentError } from '@outrigger/core';

interface Statement {
  Effect?: unknown;
  Principal?: unknown;
  Action?: unknown;
  Resource?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

const operator = 'ForAllValues:ArnEquals';
const sourceArn = 'aws:SourceArn';

/**
 * A queue's policy with the right of one more topic to send to it, in the form that Dapr reads and writes; all else stays as
 * it is. `undefined` when the topic has the right already.
 */
export function policyAllowing(policy: string | undefined, queueArn: string, topicArn: string): string | undefined {
  const document = parse(policy);
  const statements = document.Statement;
  const ours = statements.find(({ Resource, Condition }) => Resource === queueArn && Condition?.[operator]);
  const condition = ours?.Condition?.[operator];
  const topics = condition ? listOf(condition[sourceArn]) : [];
  if (topics.includes(topicArn)) return undefined;
  if (condition) condition[sourceArn] = [...topics, topicArn];
  else {
    statements.push({
      Effect: 'Allow',
      Principal: { Service: 'sns.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: queueArn,
      Condition: { [operator]: { [sourceArn]: [topicArn] } },
    });
  }
  return JSON.stringify(document);
}

function parse(policy: string | undefined): { Version: string; Statement: Statement[] } {
  if (policy === undefined || policy === '') return { Version: '2012-10-17', Statement: [] };
  try {
    const document = JSON.parse(policy) as { Version: string; Statement?: Statement | Statement[] };
    const statements = document.Statement ?? [];
    return { ...document, Statement: Array.isArray(statements) ? statements : [statements] };
  } catch (error) {
    throw new ComponentError('internal', 'the policy of the queue is not JSON', { cause: error });
  }
}

function listOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
