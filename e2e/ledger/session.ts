import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Broker, Place } from './broker.ts';
import { type Extent, type Fault, faults } from './fault.ts';
import { failedRow, type Row, runFault } from './run.ts';
import { Server } from './server.ts';

/** A broker for as many runs as wanted; its server, where it has one, is started for it alone. */
export class Session implements AsyncDisposable {
  readonly #broker: Broker;
  readonly #place: Place;
  readonly #server: Server | undefined;
  #keep = false;

  private constructor(broker: Broker, server: Server | undefined) {
    this.#broker = broker;
    this.#server = server;
    this.#place = {
      address: server?.address ?? '',
      variables: server?.variables ?? {},
      folder: mkdtempSync(join(tmpdir(), `outrigger-ledger-${broker.name}-`)),
      server,
    };
  }

  static async open(broker: Broker): Promise<Session> {
    return new Session(
      broker,
      broker.server === undefined ? undefined : await Server.start(broker.server, broker.serverSettings),
    );
  }

  /** Rejects only when it is interrupted. */
  async run(fault: Fault, extent: Extent, signal: AbortSignal): Promise<Row> {
    try {
      return await runFault(this.#broker, this.#place, fault, extent, signal);
    } catch (error) {
      signal.throwIfAborted();
      return failedRow(this.#broker, fault, error, this.#place.folder);
    } finally {
      // a fault that failed half-way may have left it dead
      await this.#server?.up();
    }
  }

  /** Keeps records and logs of the runs, to be looked at. */
  keep(): void {
    this.#keep = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    if (!this.#keep) rmSync(this.#place.folder, { recursive: true, force: true });
  }
}

/** What there is to inject: one without a server has no network to cut. */
export function faultsOf(broker: Broker): readonly Fault[] {
  return faults.filter(({ name }) => name !== 'network' || broker.network !== undefined);
}
