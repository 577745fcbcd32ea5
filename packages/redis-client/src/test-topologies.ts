import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseMetadata, silentLogger } from '@outrigger/core';
import { connectRedis, type RedisConnection } from './connection.ts';
import { redisFields } from './fields.ts';
import { freePort, TestServer } from './test-server.ts';

const patience = 30_000;

/** A connection to one server, whatever it is part of, as an administrator's tool has it. */
export function administer(
  { host }: TestServer,
  login: Readonly<Record<string, string>> = {},
): Promise<RedisConnection> {
  const { values } = parseMetadata(redisFields, { redisHost: host, ...login });
  return connectRedis(values, { logger: silentLogger, signal: AbortSignal.timeout(patience) });
}

/** A cluster of three masters, each with a third of the slots, on free ports of 127.0.0.1. They keep what they have answered. */
export class TestCluster implements AsyncDisposable {
  readonly nodes: readonly TestServer[];

  private constructor(nodes: readonly TestServer[]) {
    this.nodes = nodes;
  }

  /** Resolves once it serves all slots. */
  static async start(...args: readonly string[]): Promise<TestCluster> {
    await using stack = new AsyncDisposableStack();
    const busPorts = [await freePort(), await freePort(), await freePort()];
    const nodes: TestServer[] = [];
    for (const busPort of busPorts) {
      const options = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
      const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
      nodes.push(stack.use(await TestServer.start(...options, ...durable, ...args)));
    }
    const [first] = nodes;
    for (const [index, node] of nodes.entries()) {
      await using admin = await administer(node);
      const [from, to] = [Math.ceil((index * 16_384) / 3), Math.ceil(((index + 1) * 16_384) / 3) - 1];
      await admin.send('CLUSTER', ['ADDSLOTSRANGE', from, to]);
      await admin.send('CLUSTER', ['SET-CONFIG-EPOCH', index + 1]);
      if (first && node !== first) await admin.send('CLUSTER', ['MEET', '127.0.0.1', first.port, busPorts[0] ?? 0]);
    }
    const cluster = new TestCluster(nodes);
    await cluster.#serves();
    stack.move();
    return cluster;
  }

  /** All its nodes, as `redisHost` wants it. */
  get host(): string {
    return this.nodes.map(({ host }) => host).join(',');
  }

  /** Ends all nodes at once. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }

  /** Starts the nodes again, and resolves once the cluster serves all slots. */
  async restart(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.restart()));
    await this.#serves();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }

  async #serves(): Promise<void> {
    await Promise.all(
      this.nodes.map((node) =>
        says(node, {}, ['CLUSTER', 'INFO'], /cluster_state:ok[^]*cluster_slots_ok:16384[^]*cluster_known_nodes:3/),
      ),
    );
  }
}

export interface SentinelPasswords {
  /** Of the master and its replica. */
  readonly data: string;
  readonly sentinels: string;
}

/** A master called `main` with a replica, and three sentinels that want a password; two of them decide. */
export class TestSentinels implements AsyncDisposable {
  readonly master: TestServer;
  readonly replica: TestServer;
  readonly sentinels: readonly TestServer[];
  readonly #stack: AsyncDisposableStack;

  private constructor(
    master: TestServer,
    replica: TestServer,
    sentinels: readonly TestServer[],
    stack: AsyncDisposableStack,
  ) {
    this.master = master;
    this.replica = replica;
    this.sentinels = sentinels;
    this.#stack = stack;
  }

  /** Resolves once the sentinels know of each other and of the replica. */
  static async start({ data, sentinels: secret }: SentinelPasswords): Promise<TestSentinels> {
    await using stack = new AsyncDisposableStack();
    const login = ['--requirepass', data, '--masterauth', data, '--repl-diskless-sync-delay', '0'];
    const master = stack.use(await TestServer.start(...login));
    const replica = stack.use(await TestServer.start(...login, '--replicaof', '127.0.0.1', String(master.port)));
    await says(replica, { redisPassword: data }, ['INFO', 'replication'], /master_link_status:up/);
    const folder = mkdtempSync(join(tmpdir(), 'sentinels-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const lines = [
      `requirepass ${secret}`,
      `sentinel sentinel-pass ${secret}`,
      `sentinel monitor main 127.0.0.1 ${master.port} 2`,
      `sentinel auth-pass main ${data}`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 3000',
    ];
    const sentinels: TestServer[] = [];
    for (const name of ['one', 'two', 'three']) {
      const config = join(folder, `${name}.conf`);
      writeFileSync(config, lines.map((line) => `${line}\n`).join(''));
      sentinels.push(stack.use(await TestServer.start(config, '--sentinel')));
    }
    const known = /num-slaves,1,.*num-other-sentinels,2/;
    for (const sentinel of sentinels) await says(sentinel, { redisPassword: secret }, ['SENTINEL', 'MASTERS'], known);
    return new TestSentinels(master, replica, sentinels, stack.move());
  }

  /** The sentinels, as `redisHost` wants it. */
  get host(): string {
    return this.sentinels.map(({ host }) => host).join(',');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

async function says(
  server: TestServer,
  login: Readonly<Record<string, string>>,
  [name, ...args]: readonly [Uppercase<string>, ...string[]],
  expected: RegExp,
): Promise<void> {
  const end = performance.now() + patience;
  await using admin = await administer(server, login);
  for (;;) {
    const answer = String(await admin.send(name, args));
    if (expected.test(answer)) return;
    if (performance.now() > end) throw new Error(`${server.host} says to ${name} ${args.join(' ')}: ${answer}`);
    await sleep(20);
  }
}
