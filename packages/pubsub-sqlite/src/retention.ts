import type { SqliteDatabase } from '@outrigger/sqlite-client';

export interface RetentionRules {
  /** How long a topic without a group keeps a message. */
  readonly retentionMs: number;
  /** How many messages a topic without a group keeps. */
  readonly maxRetained: number;
  /** After how long without a running consumer a group is forgotten; 0: never. */
  readonly groupExpiryMs: number;
}

/** Most rows deleted in one transaction, so that nobody waits long for the write lock. */
const batch = 500;

const never = new AbortController().signal;

const unclaimed = 'NOT EXISTS (SELECT 1 FROM pubsub_deliveries d WHERE d.message_id = m.id)';
const select = (where: string) => `SELECT m.id FROM pubsub_messages m WHERE ${where} ORDER BY m.id LIMIT ${batch}`;
const expired = select(`m.expires_at <= ?1 AND ${unclaimed}`);
const handled = select(`m.topic = ?1 AND m.id <= ?2 AND ${unclaimed}`);
// a group that has begun in the meantime wants them after all
const noGroup = 'NOT EXISTS (SELECT 1 FROM pubsub_groups g WHERE g.topic = m.topic)';
const old = select(`m.topic = ?1 AND m.published_at <= ?2 AND ${noGroup}`);
const nthNewest = 'SELECT id FROM pubsub_messages WHERE topic = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2';
const surplus = select(`m.topic = ?1 AND m.id <= (${nthNewest}) AND ${noGroup}`);
const forgotten = 'seen_at < ? AND NOT EXISTS (SELECT 1 FROM pubsub_consumers c WHERE c.group_id = pubsub_groups.id)';
const progress = 'SELECT topic, MIN(cursor) AS cursor FROM pubsub_groups GROUP BY topic';

/** Deletes what nobody waits for any more. */
export class Retention {
  readonly #db: SqliteDatabase;
  readonly #rules: RetentionRules;

  constructor(db: SqliteDatabase, rules: RetentionRules) {
    this.#db = db;
    this.#rules = rules;
  }

  /** Deletes at most one batch per topic and reason; true when there may be more. */
  async sweep(): Promise<boolean> {
    const { retentionMs, maxRetained, groupExpiryMs } = this.#rules;
    const now = Date.now();
    if (groupExpiryMs > 0) await this.#forgetGroups(now - groupExpiryMs);

    let more = await this.#delete(expired, now);
    const [present, groups] = await this.#db.read(
      () => [this.#db.statement(topics).all(), this.#db.statement(progress).all()],
      never,
    );
    const handledUpTo = new Map(groups?.map((row) => [row['topic'], row['cursor'] as number]));
    for (const row of present ?? []) {
      const topic = row['topic'] as string;
      const cursor = handledUpTo.get(topic);
      if (cursor === undefined) {
        more = (await this.#delete(old, topic, now - retentionMs)) || more;
        more = (await this.#delete(surplus, topic, maxRetained)) || more;
      } else more = (await this.#delete(handled, topic, cursor)) || more;
    }
    return more;
  }

  async #delete(which: string, ...values: (string | number)[]): Promise<boolean> {
    const some = `SELECT EXISTS (${which}) AS some`;
    if ((await this.#db.read(() => this.#db.statement(some).get(...values), never))?.['some'] === 0) return false;
    const remove = `DELETE FROM pubsub_messages WHERE id IN (${which})`;
    const removed = await this.#db.immediateTransaction(() => this.#db.statement(remove).run(...values), never);
    return Number(removed.changes) === batch;
  }

  async #forgetGroups(seenBefore: number): Promise<void> {
    const stale = () => this.#db.statement(`SELECT id FROM pubsub_groups WHERE ${forgotten}`).all(seenBefore);
    if ((await this.#db.read(stale, never)).length === 0) return;
    await this.#db.immediateTransaction(() => {
      for (const row of stale()) {
        for (const sql of [
          'DELETE FROM pubsub_deliveries WHERE group_id = ?',
          'DELETE FROM pubsub_groups WHERE id = ?',
        ]) {
          this.#db.statement(sql).run(row['id'] as number);
        }
      }
    }, never);
  }
}

// one index look-up for each topic, rather than a scan of all messages
const topics = `
  WITH RECURSIVE t (topic) AS (
    SELECT MIN(topic) FROM pubsub_messages
    UNION ALL
    SELECT (SELECT MIN(topic) FROM pubsub_messages WHERE topic > t.topic) FROM t WHERE t.topic IS NOT NULL
  )
  SELECT topic FROM t WHERE topic IS NOT NULL`;
