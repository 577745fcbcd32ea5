import { randomUUID } from 'node:crypto';
import { openComponent } from '@outrigger/conformance';
import type { Logger, StateStore } from '@outrigger/core';
import { Client } from 'pg';
import definition from '../src/index.ts';

/** The component as the engine would make it from YAML. */
export function createStore(properties: Readonly<Record<string, string>>, logger?: Logger): Promise<StateStore> {
  return openComponent(definition, properties, logger && { logger });
}

/** What to connect with to a server at `host:port`, as the user who needs no password. */
export function urlOf(address: string, parameters = 'sslmode=disable'): string {
  return `postgres://postgres@${address}/postgres?${parameters}`;
}

/** A schema of the test's own, gone after it with all its tables, and a connection to look into it. */
export class TestSchema implements AsyncDisposable {
  readonly name = `t${randomUUID().replaceAll('-', '')}`;
  readonly #client: Client;
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
    this.#client = new Client({ connectionString: url });
  }

  static async open(url: string): Promise<TestSchema> {
    const schema = new TestSchema(url);
    await schema.#client.connect();
    await schema.query(`CREATE SCHEMA ${schema.name}`);
    return schema;
  }

  /** For a store that keeps its tables here. */
  get properties(): Record<string, string> {
    return {
      connectionString: this.#url,
      tablePrefix: `${this.name}.`,
      metadataTableName: `${this.name}.dapr_metadata`,
    };
  }

  get table(): string {
    return `${this.name}.state`;
  }

  async query(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await this.#client.query<Record<string, unknown>>(text, values)).rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.query(`DROP SCHEMA ${this.name} CASCADE`);
    await this.#client.end();
  }
}
