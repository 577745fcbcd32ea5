import type { ExtendedGroupProtocolSubscription, GroupPartitionsAssigner } from '@platformatic/kafka';
import type { TopicPartition } from './kafka-client.ts';

type Members = ReadonlyMap<string, ExtendedGroupProtocolSubscription>;
/** Partitions of each topic, by the member they go to. */
type Plan = Map<string, TopicPartition[]>;

/**
 * How the leader of a group shares out partitions, by the names and rules that other Kafka clients know. Each member gets only
 * topics that it has subscribed to.
 */
export function assignerOf(strategy: 'range' | 'roundrobin' | 'sticky'): GroupPartitionsAssigner {
  const share = { range, roundrobin: roundRobin, sticky }[strategy];
  return (_current, members, _topics, { topics }) => {
    const counts = Array.from(topics, ([topic, { partitionsCount }]) => [topic, partitionsCount] as const);
    const plan = share(
      members,
      counts.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
    return Array.from(members.keys(), (memberId) => ({
      memberId,
      assignments: new Map(
        Array.from(
          Map.groupBy(plan.get(memberId) ?? [], ({ topic }) => topic),
          ([topic, all]) => [topic, { topic, partitions: all.map(({ partition }) => partition) }],
        ),
      ),
    }));
  };
}

type Counts = readonly (readonly [topic: string, partitions: number])[];

function subscribers(members: Members, topic: string): string[] {
  return [...members].flatMap(([id, member]) => (member.topics?.includes(topic) ? [id] : [])).toSorted();
}

function give(plan: Plan, member: string, partition: TopicPartition): void {
  const mine = plan.get(member);
  if (mine) mine.push(partition);
  else plan.set(member, [partition]);
}

/** Each topic by itself, in runs of neighbouring partitions. */
function range(members: Members, counts: Counts): Plan {
  const plan: Plan = new Map();
  for (const [topic, count] of counts) {
    const ids = subscribers(members, topic);
    for (const [index, id] of ids.entries()) {
      const [from, to] = [index, index + 1].map((each) => Math.ceil((each * count) / ids.length)) as [number, number];
      for (let partition = from; partition < to; partition++) give(plan, id, { topic, partition });
    }
  }
  return plan;
}

/** All partitions of all topics in turn. */
function roundRobin(members: Members, counts: Counts): Plan {
  const plan: Plan = new Map();
  const ids = [...members.keys()].toSorted();
  let turn = 0;
  for (const [topic, count] of counts) {
    if (subscribers(members, topic).length === 0) continue;
    for (let partition = 0; partition < count; partition++) {
      while (!members.get(ids[turn % ids.length] ?? '')?.topics?.includes(topic)) turn++;
      give(plan, ids[turn++ % ids.length] ?? '', { topic, partition });
    }
  }
  return plan;
}

/** Evenly, and as much as that allows where they were. */
function sticky(members: Members, counts: Counts): Plan {
  const plan: Plan = new Map();
  const owners = new Map<string, string>();
  for (const [id, { metadata }] of [...members].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    for (const owned of readOwned(metadata)) owners.set(`${owned.topic}:${owned.partition}`, id);
  }
  const free: TopicPartition[] = [];
  for (const [topic, count] of counts) {
    const ids = subscribers(members, topic);
    if (ids.length === 0) continue;
    const most = Math.ceil(count / ids.length);
    const taken = new Map<string, number>();
    for (let partition = 0; partition < count; partition++) {
      const owner = owners.get(`${topic}:${partition}`) ?? '';
      const has = taken.get(owner) ?? 0;
      if (!ids.includes(owner) || has >= most) free.push({ topic, partition });
      else {
        taken.set(owner, has + 1);
        give(plan, owner, { topic, partition });
      }
    }
  }
  for (const partition of free) {
    const load = (id: string) => plan.get(id)?.length ?? 0;
    const [least] = subscribers(members, partition.topic).toSorted((a, b) => load(a) - load(b));
    if (least !== undefined) give(plan, least, partition);
  }
  return plan;
}

/** What a member says it has had, in the format of Kafka's own sticky assignor: topics with their partitions, a generation. */
export function ownedPartitionsOf(partitions: readonly TopicPartition[], generation = -1): Buffer {
  const parts: Buffer[] = [];
  const int32 = (value: number) => {
    const buffer = Buffer.alloc(4);
    buffer.writeInt32BE(value);
    parts.push(buffer);
  };
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  int32(topics.size);
  for (const [topic, all] of topics) {
    const name = Buffer.from(topic);
    const length = Buffer.alloc(2);
    length.writeInt16BE(name.length);
    parts.push(length, name);
    int32(all.length);
    for (const { partition } of all) int32(partition);
  }
  int32(generation);
  return Buffer.concat(parts);
}

function readOwned(data: Buffer | string | undefined): TopicPartition[] {
  if (typeof data !== 'object' || data.length < 8) return [];
  const owned: TopicPartition[] = [];
  let at = 4;
  try {
    for (let topics = data.readInt32BE(0); topics > 0; topics--) {
      const end = at + 2 + data.readInt16BE(at);
      const topic = data.toString('utf8', at + 2, end);
      at = end + 4;
      for (let count = data.readInt32BE(end); count > 0; count--, at += 4) {
        owned.push({ topic, partition: data.readInt32BE(at) });
      }
    }
  } catch {
    return []; // a member that says it in another way
  }
  return owned;
}
