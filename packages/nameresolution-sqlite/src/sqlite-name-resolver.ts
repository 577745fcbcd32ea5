import type { AppInstance, Logger, NameResolver, ResolveRequest } from '@outrigger/core';
import type { SqliteDatabase } from '@outrigger/sqlite-client';
import { Registration } from './registration.ts';

export interface SqliteNameResolverOptions {
  /** Open, with the table in place; the resolver closes it. */
  readonly database: SqliteDatabase;
  /** A valid identifier. */
  readonly tableName: string;
  /** How long a registration lives after it was last renewed; whole seconds from 2, in milliseconds. */
  readonly updateInterval: number;
  /** Ended with the resolver. */
  readonly cleanup: Disposable;
  readonly logger: Logger;
}

/**
 * Keeps the addresses of running sidecars in a table that all of them share: Dapr's, so that a Dapr sidecar on the same file
 * finds ours and is found. Dapr writes no namespaces; its addresses answer where the asked namespace has none.
 */
export class SqliteNameResolver implements NameResolver {
  readonly #options: SqliteNameResolverOptions;
  readonly #find: string;
  readonly #registrations = new Set<Registration>();

  constructor(options: SqliteNameResolverOptions) {
    this.#options = options;
    this.#find = `SELECT address, namespace FROM ${options.tableName}
      WHERE app_id = ? AND namespace IN (?, '') AND unixepoch() - last_update < ${options.updateInterval / 1000}`;
  }

  async resolve({ appId, namespace }: ResolveRequest, signal: AbortSignal): Promise<readonly string[]> {
    const { database } = this.#options;
    const rows = await database.read(() => database.statement(this.#find).all(appId, namespace), signal);
    const own = rows.filter((row) => row['namespace'] === namespace);
    return (own.length > 0 ? own : rows).map(({ address }) => String(address));
  }

  async register(instance: AppInstance, signal: AbortSignal): Promise<AsyncDisposable> {
    const { database, tableName, updateInterval, logger } = this.#options;
    const registration = new Registration(instance, database, tableName, logger);
    // the table counts whole seconds, so a row may be ignored up to a second before updateInterval has passed
    // known before it is there: a disposal meanwhile ends it
    this.#registrations.add(registration);
    try {
      await registration.start((updateInterval - 1000) / 2, signal);
    } catch (error) {
      this.#registrations.delete(registration);
      throw error;
    }
    return {
      [Symbol.asyncDispose]: async () => {
        if (this.#registrations.delete(registration)) await registration.end();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.cleanup[Symbol.dispose]();
    const ending = [...this.#registrations].map((registration) => registration.end());
    this.#registrations.clear();
    try {
      await Promise.all(ending);
    } finally {
      await this.#options.database[Symbol.asyncDispose]();
    }
  }
}
