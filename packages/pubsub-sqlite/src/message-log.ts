import type { Message, RequestMetadata } from '@outrigger/core';
import type { SqliteDatabase } from '@outrigger/sqlite-client';

export interface NewMessage {
  readonly topic: string;
  readonly data: Uint8Array;
  readonly contentType?: string;
  readonly metadata: RequestMetadata;
  readonly expiresAt: number | undefined;
}

export interface LoggedMessage {
  readonly id: number;
  readonly message: Message;
  readonly expiresAt: number | undefined;
  /** What it weighs in memory, roughly. */
  readonly bytes: number;
}

export type InitialPosition = 'earliest' | 'latest';

/** What one consumer reports and asks for in one transaction. */
export interface Turn {
  readonly groupId: number;
  readonly consumer: string;
  /** Handled or dropped. */
  readonly done: readonly number[];
  /** To be given to whoever asks from then on. */
  readonly giveBack: readonly { readonly id: number; readonly availableAt: number }[];
  /** How many messages to hand out. */
  readonly limit: number;
  /** How many bytes to hand out; the message with which they are reached is the last. */
  readonly maxBytes: number;
}

export interface Claimed {
  readonly messages: readonly LoggedMessage[];
  /** There may be more that could be handed out now. */
  readonly more: boolean;
}

interface Row {
  id: number;
  data: Uint8Array;
  content_type: string | null;
  metadata: string | null;
  expires_at: number | null;
}

/** The messages in the file, and how far each group has come with them. Every method is one transaction. */
export class MessageLog {
  readonly #db: SqliteDatabase;

  /** The tables must be there. */
  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** All of them or none. */
  append(messages: readonly NewMessage[], signal: AbortSignal): Promise<void> {
    return this.#db.immediateTransaction(() => {
      const insert = this.#db.statement(sql.insert);
      const now = Date.now();
      for (const { topic, data, contentType, metadata, expiresAt } of messages) {
        const json = JSON.stringify(metadata);
        insert.run(topic, data, contentType ?? null, json === '{}' ? null : json, now, expiresAt ?? null);
      }
    }, signal);
  }

  /** The group's id; it is made when it is new and then begins at `position`. */
  join(topic: string, name: string, position: InitialPosition, signal: AbortSignal): Promise<number> {
    return this.#db.immediateTransaction(() => {
      const now = Date.now();
      const row =
        this.#db.statement(sql.knownGroup).get(now, topic, name) ??
        this.#db.statement(position === 'earliest' ? sql.groupAtStart : sql.groupAtEnd).get(topic, name, now);
      return row?.['id'] as number;
    }, signal);
  }

  /** Whether a turn would hand anything out; without taking the write lock. */
  async hasWork(groupId: number): Promise<boolean> {
    return this.#db.read(
      () =>
        this.#db.statement(sql.anyDue).get(groupId, Date.now()) !== undefined ||
        this.#db.statement(sql.anyFresh).get(groupId) !== undefined,
      never,
    );
  }

  /** When the next message that was given back is to be handed out again; `undefined` when there is none. */
  async nextDue(groupId: number): Promise<number | undefined> {
    return this.#db.read(() => this.#db.statement(sql.nextDue).get(groupId)?.['at'] as number | undefined, never);
  }

  /** Acknowledges, gives back and hands out. Messages that have expired are skipped for good. */
  turn({ groupId, consumer, done, giveBack, limit, maxBytes }: Turn): Promise<Claimed> {
    return this.#db.immediateTransaction(() => {
      const remove = this.#db.statement(sql.done);
      const release = this.#db.statement(sql.release);
      for (const id of done) remove.run(groupId, id, consumer);
      for (const { id, availableAt } of giveBack) release.run(availableAt, groupId, id, consumer);
      return limit > 0 ? this.#claim(groupId, consumer, limit, maxBytes) : { messages: [], more: false };
    }, never);
  }

  #claim(groupId: number, consumer: string, limit: number, maxBytes: number): Claimed {
    const group = this.#db.statement(sql.group).get(groupId) as { topic: string; cursor: number } | undefined;
    if (!group) return { messages: [], more: false };
    const { topic } = group;
    const now = Date.now();
    const messages: LoggedMessage[] = [];

    const due = upTo(maxBytes, this.#db.statement(sql.due).iterate(groupId, now, limit));
    for (const row of due) {
      if (isExpired(row, now)) this.#db.statement(sql.done).run(groupId, row.id, consumer);
      else {
        this.#db.statement(sql.own).run(consumer, groupId, row.id);
        messages.push(logged(topic, row));
      }
    }
    const room = limit - due.length;
    const bytes = maxBytes - sum(due);
    const fresh =
      room > 0 && bytes > 0 ? upTo(bytes, this.#db.statement(sql.fresh).iterate(topic, group.cursor, room)) : [];
    for (const row of fresh) {
      if (isExpired(row, now)) continue;
      this.#db.statement(sql.hold).run(groupId, row.id, consumer, now);
      messages.push(logged(topic, row));
    }
    const newest = fresh.at(-1);
    if (newest) this.#db.statement(sql.advance).run(newest.id, groupId);
    return { messages, more: due.length + fresh.length === limit || sum(fresh) >= bytes };
  }
}

const never = new AbortController().signal;

const columns = 'm.id, m.data, m.content_type, m.metadata, m.expires_at';
const newestId = "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'pubsub_messages'), 0)";
const ofGroup = (column: string) => `(SELECT ${column} FROM pubsub_groups WHERE id = ?1)`;

const sql = {
  insert:
    'INSERT INTO pubsub_messages (topic, data, content_type, metadata, published_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
  knownGroup: 'UPDATE pubsub_groups SET seen_at = ? WHERE topic = ? AND name = ? RETURNING id',
  groupAtStart: 'INSERT INTO pubsub_groups (topic, name, cursor, seen_at) VALUES (?, ?, 0, ?) RETURNING id',
  groupAtEnd: `INSERT INTO pubsub_groups (topic, name, cursor, seen_at) VALUES (?, ?, ${newestId}, ?) RETURNING id`,
  group: 'SELECT topic, cursor FROM pubsub_groups WHERE id = ?',
  advance: 'UPDATE pubsub_groups SET cursor = ? WHERE id = ?',
  fresh: `SELECT ${columns} FROM pubsub_messages m WHERE m.topic = ? AND m.id > ? ORDER BY m.id LIMIT ?`,
  hold: 'INSERT INTO pubsub_deliveries (group_id, message_id, owner, available_at) VALUES (?, ?, ?, ?)',
  due: `SELECT ${columns} FROM pubsub_deliveries d JOIN pubsub_messages m ON m.id = d.message_id
    WHERE d.group_id = ? AND d.owner IS NULL AND d.available_at <= ? ORDER BY d.message_id LIMIT ?`,
  own: 'UPDATE pubsub_deliveries SET owner = ? WHERE group_id = ? AND message_id = ?',
  // also when it was taken from this consumer but nobody has begun with it yet
  done: 'DELETE FROM pubsub_deliveries WHERE group_id = ? AND message_id = ? AND (owner = ? OR owner IS NULL)',
  release:
    'UPDATE pubsub_deliveries SET owner = NULL, available_at = ? WHERE group_id = ? AND message_id = ? AND owner = ?',
  anyDue: 'SELECT 1 FROM pubsub_deliveries WHERE group_id = ? AND owner IS NULL AND available_at <= ? LIMIT 1',
  anyFresh: `SELECT 1 FROM pubsub_messages WHERE topic = ${ofGroup('topic')} AND id > ${ofGroup('cursor')} LIMIT 1`,
  nextDue:
    'SELECT available_at AS at FROM pubsub_deliveries WHERE group_id = ? AND owner IS NULL ORDER BY available_at LIMIT 1',
};

/** What a message costs besides its payload, roughly. */
const overheadBytes = 512;

function sizeOf({ data, metadata }: Row): number {
  return data.byteLength + (metadata?.length ?? 0) + overheadBytes;
}

function sum(rows: readonly Row[]): number {
  return rows.reduce((bytes, row) => bytes + sizeOf(row), 0);
}

/** The rows up to the one with which `maxBytes` are reached; the others are not even loaded. */
function upTo(maxBytes: number, rows: Iterable<unknown>): Row[] {
  const taken: Row[] = [];
  let bytes = 0;
  for (const row of rows as Iterable<Row>) {
    taken.push(row);
    bytes += sizeOf(row);
    if (bytes >= maxBytes) break;
  }
  return taken;
}

function isExpired({ expires_at: at }: Row, now: number): boolean {
  return at !== null && at <= now;
}

function logged(topic: string, row: Row): LoggedMessage {
  const { id, data, content_type: contentType, metadata: json, expires_at: at } = row;
  const metadata = json === null ? {} : (JSON.parse(json) as RequestMetadata);
  const message = contentType === null ? { topic, data, metadata } : { topic, data, contentType, metadata };
  return { id, message, expiresAt: at ?? undefined, bytes: sizeOf(row) };
}
