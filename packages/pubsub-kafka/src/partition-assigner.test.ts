import { describe, expect, it } from 'vitest';
import { assignerOf, ownedPartitionsOf } from './partition-assigner.ts';

type Strategy = Parameters<typeof assignerOf>[0];

/** What each member gets, as `topic0 topic1 …`. */
function assign(strategy: Strategy, members: Record<string, string[]>, topics: Record<string, number>, owned = {}) {
  const had = new Map<string, { topic: string; partition: number }[]>(Object.entries(owned));
  const plan = assignerOf(strategy)(
    'a',
    new Map(
      Object.entries(members).map(([memberId, itsTopics]) => [
        memberId,
        { memberId, version: 1, topics: itsTopics, metadata: ownedPartitionsOf(had.get(memberId) ?? []) },
      ]),
    ),
    new Set(Object.keys(topics)),
    {
      topics: new Map(Object.entries(topics).map(([topic, partitionsCount]) => [topic, { partitionsCount }])),
    } as never,
  );
  return Object.fromEntries(
    plan.map(({ memberId, assignments }) => [
      memberId,
      [...assignments.values()]
        .flatMap(({ topic, partitions }) => partitions.map((each) => `${topic}${each}`))
        .join(' '),
    ]),
  );
}

describe('how partitions are shared out', () => {
  const both = { a: ['x', 'y'], b: ['x', 'y'] };

  it('range gives each member neighbours', () => {
    expect(assign('range', both, { x: 3, y: 2 })).toEqual({ a: 'x0 x1 y0', b: 'x2 y1' });
  });

  it('roundrobin deals all partitions out in turn', () => {
    expect(assign('roundrobin', both, { x: 3, y: 3 })).toEqual({ a: 'x0 x2 y1', b: 'x1 y0 y2' });
  });

  it('sticky leaves them where they were, as far as that is even', () => {
    const owned = { b: [0, 1, 2, 3].map((partition) => ({ topic: 'x', partition })) };
    expect(assign('sticky', both, { x: 4 }, owned)).toEqual({ a: 'x2 x3', b: 'x0 x1' });
  });

  it.each(['range', 'roundrobin', 'sticky'] as const)(
    '%s gives nobody a topic that it has not subscribed to',
    (strategy) => {
      const plan = assign(strategy, { a: ['x'], b: ['y'], c: ['x', 'y'] }, { x: 4, y: 4, z: 4 });
      expect(plan['a']).not.toMatch(/[yz]/);
      expect(plan['b']).not.toMatch(/[xz]/);
      const all = Object.values(plan).join(' ').split(' ').filter(Boolean).toSorted();
      expect(all).toEqual(['x0', 'x1', 'x2', 'x3', 'y0', 'y1', 'y2', 'y3']);
    },
  );
});
