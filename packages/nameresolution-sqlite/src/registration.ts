import { type AppInstance, errorMessage, type Logger } from '@outrigger/core';
import type { SqliteDatabase } from '@outrigger/sqlite-client';

/** What became of a renewal: the row is fresh; a peer had cleaned it up and it is there again; the address is another's. */
type Renewal = 'renewed' | 'restored' | 'taken';

/** The row of one running sidecar, and the timer that renews it. */
export class Registration {
  // unique in the table, no secret: web crypto, which a random UUID needs, would be loaded at the start for it alone
  readonly #id = `${process.pid}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  readonly #instance: AppInstance;
  readonly #address: string;
  readonly #database: SqliteDatabase;
  readonly #table: string;
  readonly #logger: Logger;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(instance: AppInstance, database: SqliteDatabase, table: string, logger: Logger) {
    this.#instance = instance;
    this.#address = `${instance.host.includes(':') ? `[${instance.host}]` : instance.host}:${instance.port}`;
    this.#database = database;
    this.#table = table;
    this.#logger = logger;
  }

  /** Takes the address, also from one who had it before, and renews the row every `interval` ms until {@link end}. */
  async start(interval: number, signal: AbortSignal): Promise<void> {
    const ending = this.#ending.signal;
    await this.#database.immediateTransaction(() => {
      if (!ending.aborted) this.#write();
    }, signal);
    if (ending.aborted) return;
    this.#timer = setInterval(() => void this.#renew(), interval).unref();
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    const sql = `DELETE FROM ${this.#table} WHERE registration_id = ?`;
    const never = new AbortController().signal;
    await this.#database.immediateTransaction(() => this.#database.statement(sql).run(this.#id), never);
  }

  #write(): void {
    const sql = `REPLACE INTO ${this.#table} (registration_id, address, app_id, namespace, last_update)
      VALUES (?, ?, ?, ?, unixepoch())`;
    this.#database.statement(sql).run(this.#id, this.#address, this.#instance.appId, this.#instance.namespace);
  }

  /** Never rejects: a failure is logged and made good by the next turn, while peers still take the row for fresh. */
  async #renew(): Promise<void> {
    try {
      const outcome = await this.#database.immediateTransaction(() => this.#renewOrRestore(), this.#ending.signal);
      if (outcome === 'restored')
        this.#logger.info(`a peer had removed the address ${this.#address}; registered it again`);
      if (outcome === 'taken') {
        clearInterval(this.#timer);
        this.#logger.warn(`another process has registered ${this.#address}; this app is no longer found there`);
      }
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      this.#logger.warn(`could not renew the registration of ${this.#address}: ${errorMessage(error)}`);
    }
  }

  #renewOrRestore(): Renewal {
    const renew = `UPDATE ${this.#table} SET last_update = unixepoch() WHERE registration_id = ?`;
    if (Number(this.#database.statement(renew).run(this.#id).changes) > 0) return 'renewed';
    const owner = `SELECT registration_id FROM ${this.#table} WHERE address = ?`;
    if (this.#database.statement(owner).get(this.#address)) return 'taken';
    this.#write();
    return 'restored';
  }
}
