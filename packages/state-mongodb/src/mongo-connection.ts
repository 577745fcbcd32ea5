import { abortable, ComponentError, errorMessage, type Logger, sleep } from '@outrigger/core';
import { type Collection, MongoClient, type MongoClientOptions, ReadConcern, WriteConcern } from 'mongodb';
import { connectionStringOf, setsOption } from './connection-string.ts';
import type { ItemDocument } from './document.ts';
import type { StateMongoMetadata } from './fields.ts';
import { connectFailure, connectionStringFailure } from './mongo-failure.ts';
import { ServerClock } from './server-clock.ts';

/** The client of one component, connected, with a collection that expires its items. */
export class MongoConnection implements AsyncDisposable {
  readonly client: MongoClient;
  readonly collection: Collection<ItemDocument>;
  readonly clock = new ServerClock();
  /** For messages: the servers, without a login. */
  readonly address: string;
  readonly #logger: Logger;
  #isReachable = true;
  #isClosed = false;
  #canTransact = false;

  private constructor(metadata: StateMongoMetadata, logger: Logger) {
    const concerns = {
      readConcern: new ReadConcern(metadata.readconcern),
      writeConcern: writeConcern(metadata.writeconcern),
    };
    this.client = clientOf(metadata);
    this.address = this.client.options.srvHost ?? this.client.options.hosts.join(',');
    this.collection = this.client.db(metadata.databaseName).collection(metadata.collectionName, concerns);
    this.#logger = logger;
  }

  /** Connects, and makes the index by which the server removes what has expired. Leaves nothing behind when it fails. */
  static async open(metadata: StateMongoMetadata, logger: Logger, signal: AbortSignal): Promise<MongoConnection> {
    const connection = new MongoConnection(metadata, logger);
    try {
      await abortable(connection.#connect(metadata.databaseName), signal);
      connection.#watch();
      return connection;
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw signal.aborted ? error : connectFailure(error, connection.address);
    }
  }

  /** Whether the server is one that has transactions: of a replica set, or a router of a cluster. */
  get canTransact(): boolean {
    return this.#canTransact;
  }

  /** Ends the connections; what is under way on them fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    // it says good-bye to the server, which may be gone
    const closing = this.client.close(true).catch((error: unknown) => {
      this.#logger.debug(`the connection to MongoDB at ${this.address} did not end well: ${errorMessage(error)}`);
    });
    const enough = new AbortController();
    await Promise.race([closing.finally(() => enough.abort()), sleep(2000, enough.signal).catch(() => {})]);
  }

  async #connect(databaseName: string): Promise<void> {
    await this.client.connect();
    const asked = performance.now();
    const hello = await this.client.db(databaseName).command({ hello: 1 });
    this.clock.set(hello, performance.now() - asked);
    this.#canTransact = hello['setName'] !== undefined || hello['msg'] === 'isdbgrid';
    await this.collection.createIndex({ _ttl: 1 }, { expireAfterSeconds: 0 }, {});
  }

  /** Says once when no server can be written to, and once when there is one again. */
  #watch(): void {
    this.client.on('serverHeartbeatSucceeded', ({ reply }) => this.clock.set(reply));
    this.client.on('topologyDescriptionChanged', ({ newDescription }) => {
      const servers = [...newDescription.servers.values()];
      const isReachable = servers.some(({ isWritable }) => isWritable);
      if (this.#isClosed || isReachable === this.#isReachable) return;
      this.#isReachable = isReachable;
      if (isReachable) {
        this.#logger.info(`connected to MongoDB at ${this.address} again`);
        return;
      }
      const reason = servers.find(({ error }) => error)?.error;
      this.#logger.warn(`lost MongoDB at ${this.address}${reason ? `: ${errorMessage(reason)}` : ''}`);
    });
  }
}

function clientOf(metadata: StateMongoMetadata): MongoClient {
  const uri = connectionStringOf(metadata);
  const { operationTimeout } = metadata;
  // less than the operation has as a whole, so that the error says what was waited for
  const wait = Math.max(1, Math.ceil(operationTimeout * 0.9));
  const preset: MongoClientOptions = {
    appName: 'outrigger',
    connectTimeoutMS: wait,
    serverSelectionTimeoutMS: wait,
    waitQueueTimeoutMS: wait,
    socketTimeoutMS: operationTimeout,
    // whoever calls decides whether an operation is made again
    retryWrites: false,
  };
  const options = Object.fromEntries(Object.entries(preset).filter(([name]) => !setsOption(uri, name)));
  try {
    return new MongoClient(uri, options);
  } catch (error) {
    throw connectionStringFailure(error);
  }
}

/** As Dapr has it: one member, which has the write in its journal. */
function writeConcern(text = '1'): WriteConcern {
  if (text === 'majority') return new WriteConcern('majority', undefined, true);
  // 0 would answer before the server has the write
  if (/^[1-9]\d?$/.test(text)) return new WriteConcern(Number(text), undefined, true);
  throw new ComponentError('invalid-argument', 'writeconcern must be "majority" or a number of members, at least 1');
}
