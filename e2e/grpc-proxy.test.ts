import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { Sidecar } from './processes/sidecar.ts';
import { configFile, Workspace } from './processes/workspace.ts';

const proto = fileURLToPath(new URL('./proto/canoes/v1/canoes.proto', import.meta.url));
const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number })) as unknown as {
  readonly canoes: { readonly v1: { readonly Canoes: ServiceClientConstructor } };
};
const { Canoes } = loaded.canoes.v1;

interface Named {
  readonly name: string;
}
interface Canoe extends Named {
  readonly number: number;
  readonly sail?: Buffer;
}

/** What the app saw of the calls that its callers gave up. */
const drifting: string[] = [];

const app = {
  Get(call: ServerUnaryCall<Named, Canoe>, answer: sendUnaryData<Canoe>) {
    const header = new Metadata();
    header.set('canoe-caller', String(call.metadata.get('dapr-caller-app-id')[0]));
    call.sendMetadata(header);
    const { name } = call.request;
    if (name === 'Hokulea') return answer(null, { name, number: 1 });
    const trailers = new Metadata();
    trailers.set('canoe-hint', 'try Hokulea');
    answer({ code: status.NOT_FOUND, details: `no canoe ${name}`, metadata: trailers });
  },
  List(call: ServerWritableStream<{ count: number }, Canoe>) {
    const sail = Buffer.alloc(64 * 1024, 'sail');
    const { count } = call.request;
    let number = 0;
    const send = (): void => {
      while (number < count) {
        if (!call.write({ name: 'canoe', number: ++number, sail })) {
          call.once('drain', send);
          return;
        }
      }
      call.end();
    };
    send();
  },
  Load(call: ServerReadableStream<{ kilograms: number }, unknown>, answer: sendUnaryData<unknown>) {
    let kilograms = 0;
    let pieces = 0;
    call.on('data', (cargo: { kilograms: number }) => {
      kilograms += cargo.kilograms;
      pieces++;
    });
    call.on('end', () => answer(null, { kilograms, pieces }));
  },
  Paddle(call: ServerDuplexStream<{ metres: number }, { metres: number }>) {
    let metres = 0;
    call.on('data', (stroke: { metres: number }) => call.write({ metres: (metres += stroke.metres) }));
    call.on('end', () => call.end());
  },
  Drift(call: ServerUnaryCall<Named, Canoe>) {
    call.on('cancelled', () => drifting.push(call.request.name));
  },
};

/** In MiB (Linux; elsewhere 0). */
function residentMemory({ pid }: Sidecar): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return 0;
  }
}

type Call<I> = (
  request: I,
  metadata: Metadata,
  options: object,
  done: (error: ServiceError | null, answer?: unknown) => void,
) => void;

describe('a service that only the apps know', () => {
  const workspace = new Workspace();
  const server = new Server();
  let beach: Sidecar;
  let fleet: Sidecar;
  let client: InstanceType<ServiceClientConstructor>;
  const to = new Metadata();
  to.set('dapr-app-id', 'fleet');

  beforeAll(async () => {
    server.addService(Canoes.service, app);
    const appPort = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    const common = { config: configFile, env: { ...workspace.env, APP_API_TOKEN: 'fleet token' } };
    fleet = await Sidecar.start({ appId: 'fleet', appPort, ...common, args: ['--app-protocol', 'grpc'] });
    beach = await Sidecar.start({ appId: 'beach', ...common });
    client = new Canoes(`127.0.0.1:${beach.grpcPort}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
  });
  afterAll(async () => {
    client.close();
    await beach[Symbol.asyncDispose]();
    await fleet[Symbol.asyncDispose]();
    server.forceShutdown();
    workspace[Symbol.dispose]();
  });

  /** A call with one answer. */
  function ask(method: string, request: unknown, metadata = to, options: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      (client[method] as Call<unknown>).call(client, request, metadata, options, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  }

  it('is called through both sidecars with dapr-app-id alone', async () => {
    expect(await ask('Get', { name: 'Hokulea' })).toMatchObject({ name: 'Hokulea', number: 1 });
  });

  it('tells its errors with message and trailers', async () => {
    const error = (await ask('Get', { name: 'Titanic' }).catch((failure: unknown) => failure)) as ServiceError;
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'no canoe Titanic' });
    expect(error.metadata.get('canoe-hint')).toEqual(['try Hokulea']);
  });

  it('streams in every way', async () => {
    const list = (client['List'] as (request: object, metadata: Metadata) => ClientReadableStream<Canoe>).call(
      client,
      { count: 5 },
      to,
    );
    const numbers: number[] = [];
    for await (const canoe of list as AsyncIterable<Canoe>) numbers.push(canoe.number);
    expect(numbers).toEqual([1, 2, 3, 4, 5]);

    const total = await new Promise((resolve, reject) => {
      const load = (
        client['Load'] as (
          metadata: Metadata,
          done: (error: ServiceError | null, answer?: unknown) => void,
        ) => ClientDuplexStream<object, unknown>
      ).call(client, to, (error, answer) => (error ? reject(error) : resolve(answer)));
      for (const kilograms of [10, 20, 30]) load.write({ kilograms });
      load.end();
    });
    expect(total).toEqual({ kilograms: 60, pieces: 3 });

    const paddle = (client['Paddle'] as (metadata: Metadata) => ClientDuplexStream<object, { metres: number }>).call(
      client,
      to,
    );
    const positions = (paddle as AsyncIterable<{ metres: number }>)[Symbol.asyncIterator]();
    for (const metres of [3, 6, 9]) {
      paddle.write({ metres: 3 });
      expect((await positions.next()).value).toEqual({ metres });
    }
    paddle.end();
    expect((await positions.next()).done).toBe(true);
  });

  it('is told when the caller has no more time', async () => {
    const late = ask('Drift', { name: 'Kon-Tiki' }, to, { deadline: Date.now() + 200 });
    await expect(late).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await vi.waitFor(() => expect(drifting).toEqual(['Kon-Tiki']));
  });

  it('cannot fill the memory of a sidecar whose client is slow', async () => {
    const count = 1024;
    const memory = () => [beach, fleet].map(residentMemory);
    const list = (client['List'] as (request: object, metadata: Metadata) => ClientReadableStream<Canoe>).call(
      client,
      { count },
      to,
    );
    const canoes = (list as AsyncIterable<Canoe>)[Symbol.asyncIterator]();
    await canoes.next();
    const before = memory();
    // Long enough for the app to send all 64 MiB, were anybody to take them.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const grown = memory().map((now, index) => now - (before[index] ?? 0));
    expect(Math.max(...grown)).toBeLessThan(32);
    let seen = 1;
    while (!(await canoes.next()).done) seen++;
    expect(seen).toBe(count);
  });

  it('without dapr-app-id is nowhere', async () => {
    await expect(ask('Get', { name: 'Hokulea' }, new Metadata())).rejects.toMatchObject({ code: status.UNKNOWN });
  });
});
