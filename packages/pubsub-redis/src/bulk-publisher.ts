import { type BulkOutcome, type BulkPublishEntry, ComponentError, type Logger } from '@outrigger/core';
import { isReplyError, type RedisArgument, type RedisConnection, redisScript } from '@outrigger/redis-client';
import { entryFields, list, text } from './stream-entry.ts';
import { topicFailure } from './topic-failure.ts';

/** Most entries, and about the most bytes, of one script, as the server does nothing else meanwhile. */
const mostEntries = 250;
const mostBytes = 1024 * 1024;

// ARGV: how many words of trimming, these words, then for each entry how many words its fields are, and these.
// The answer: how many were written, and why not the next one.
const addAll = redisScript(`
  local command = {'XADD', KEYS[1]}
  local trimming = tonumber(ARGV[1])
  for i = 1, trimming do command[2 + i] = ARGV[1 + i] end
  command[3 + trimming] = '*'
  local base, at, written = 3 + trimming, 2 + trimming, 0
  while at <= #ARGV do
    local words = tonumber(ARGV[at])
    for i = 1, words do command[base + i] = ARGV[at + i] end
    local reply = redis.pcall(unpack(command, 1, base + words))
    if type(reply) == 'table' and reply.err then return {written, reply.err} end
    written, at = written + 1, at + 1 + words
  end
  return {written}
`);

/** Publishes many entries to one stream with a few scripts; where scripts are forbidden, one by one in one write. */
export class BulkPublisher {
  readonly #connection: RedisConnection;
  readonly #logger: Logger;
  #mayRunScripts = true;

  constructor(connection: RedisConnection, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
  }

  async publish(
    topic: string,
    entries: readonly BulkPublishEntry[],
    trimming: readonly (string | number)[],
    signal: AbortSignal,
  ): Promise<BulkOutcome<void>[]> {
    signal.throwIfAborted();
    if (!this.#mayRunScripts) return this.#oneByOne(topic, entries, trimming, signal);
    const outcomes: BulkOutcome<void>[] = [];
    for (const portion of portions(entries)) {
      const args = [trimming.length, ...trimming, ...portion.flat()];
      const { written, error } = await this.#run(topic, args, signal);
      if (isForbidden(error) && outcomes.length + written === 0) {
        this.#mayRunScripts = false;
        this.#logger.debug(`may not run scripts (+evalsha, +eval), so bulk publishes are slower`);
        return this.#oneByOne(topic, entries, trimming, signal);
      }
      for (let index = 0; index < written; index++) outcomes.push({ ok: true, value: undefined });
      if (!error) continue;
      // what comes behind in order is not written either, and with this reason is tried again with it
      const failure = ComponentError.from(topicFailure(error, topic));
      while (outcomes.length < entries.length) outcomes.push({ ok: false, error: failure });
      break;
    }
    return outcomes;
  }

  async #run(
    topic: string,
    args: readonly RedisArgument[],
    signal: AbortSignal,
  ): Promise<{ written: number; error: unknown }> {
    try {
      const [written, reason] = list(await this.#connection.run(addAll, [topic], args, signal));
      const error = reason === undefined ? undefined : this.#connection.failureOf(text(reason));
      return { written: Number(written), error };
    } catch (error) {
      if (signal.aborted && error === signal.reason) throw error;
      return { written: 0, error };
    }
  }

  async #oneByOne(
    topic: string,
    entries: readonly BulkPublishEntry[],
    trimming: readonly (string | number)[],
    signal: AbortSignal,
  ): Promise<BulkOutcome<void>[]> {
    const replies = entries.map(({ data, metadata }) =>
      this.#connection.send('XADD', [topic, ...trimming, '*', ...entryFields(data, metadata)], signal),
    );
    return (await Promise.allSettled(replies)).map((reply): BulkOutcome<void> =>
      reply.status === 'fulfilled'
        ? { ok: true, value: undefined }
        : { ok: false, error: ComponentError.from(topicFailure(reply.reason, topic)) },
    );
  }
}

/** Scripts themselves, or what this one does. */
function isForbidden(error: unknown): boolean {
  return isReplyError(error, 'NOPERM') || isReplyError(error, 'ERR ACL failure in script');
}

/** The words of the entries' fields, each list behind its length, in portions that fit one script. */
function* portions(entries: readonly BulkPublishEntry[]): Generator<RedisArgument[][]> {
  let portion: RedisArgument[][] = [];
  let bytes = 0;
  for (const { data, metadata } of entries) {
    const fields = entryFields(data, metadata);
    if (portion.length === mostEntries || (bytes > 0 && bytes + data.byteLength > mostBytes)) {
      yield portion;
      [portion, bytes] = [[], 0];
    }
    portion.push([fields.length, ...fields]);
    bytes += data.byteLength;
  }
  if (portion.length > 0) yield portion;
}
