import { describe, expect, it } from 'vitest';
import { policyAllowing } from './queue-policy.ts';

const queue = 'arn:aws:sqs:us-east-1:1:queue';
const [topicA, topicB] = ['arn:aws:sns:us-east-1:1:a', 'arn:aws:sns:us-east-1:1:b'];

describe('the policy of a queue', () => {
  it('lets a topic send to it, and a second beside the first', () => {
    const first = policyAllowing(undefined, queue, topicA) ?? '';
    const second = policyAllowing(first, queue, topicB) ?? '';
    expect(JSON.parse(second)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'sns.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: queue,
          Condition: { 'ForAllValues:ArnEquals': { 'aws:SourceArn': [topicA, topicB] } },
        },
      ],
    });
    expect(policyAllowing(second, queue, topicA)).toBeUndefined();
    expect(policyAllowing(second, queue, topicB)).toBeUndefined();
  });

  it('keeps what others have put there', () => {
    const theirs = { Sid: 'backup', Effect: 'Deny', Principal: '*', Action: 'sqs:PurgeQueue', Resource: queue };
    const before = JSON.stringify({ Version: '2012-10-17', Id: 'x', Statement: theirs });
    const after = JSON.parse(policyAllowing(before, queue, topicA) ?? '') as { Id: string; Statement: unknown[] };
    expect(after.Id).toBe('x');
    expect(after.Statement).toHaveLength(2);
    expect(after.Statement[0]).toEqual(theirs);
  });

  it('that is no JSON is refused', () => {
    expect(() => policyAllowing('{', queue, topicA)).toThrow('not JSON');
  });
});
