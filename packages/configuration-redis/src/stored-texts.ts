import { isReplyError, type RedisConnection } from '@outrigger/redis-client';

/** How many keys are asked for in one write. */
const batch = 500;

/** The texts behind keys; all of the database without `keys`. What is no text, such as a hash, is left out. */
export async function storedTexts(
  connection: RedisConnection,
  keys: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const wanted = keys ?? (await allKeys(connection, signal));
  const texts = new Map<string, string>();
  for (let start = 0; start < wanted.length; start += batch) {
    const part = wanted.slice(start, start + batch);
    const found = await Promise.all(part.map((key) => textOf(connection, key, signal)));
    for (const [index, key] of part.entries()) {
      const text = found[index];
      if (text !== undefined) texts.set(key, text);
    }
  }
  return texts;
}

async function textOf(connection: RedisConnection, key: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const reply = await connection.send('GET', [key], signal);
    return reply === null ? undefined : String(reply);
  } catch (error) {
    if (isReplyError(error, 'WRONGTYPE')) return undefined;
    throw error;
  }
}

async function allKeys(connection: RedisConnection, signal: AbortSignal): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const page = await connection.scan(cursor, '*', 1000, signal);
    for (const key of page.keys) keys.add(key);
    cursor = page.cursor;
  } while (cursor !== '0');
  return [...keys];
}
