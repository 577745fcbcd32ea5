import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMetadata, silentLogger } from '@outrigger/core';
import { connectRedis, redisFields, type RedisConnection } from '@outrigger/redis-client';
import { TestServer } from '@outrigger/redis-client/test-server';
import { describe, expect, it, vi } from 'vitest';
import { createPubSub } from './create.ts';
import { collect, never, patient, SteadyPublisher } from './ledger.ts';
import { hasRedisServer } from './redis-server.ts';

const quick = { redeliverInterval: '200ms', processingTimeout: '2s' };

function admin(redisHost: string): Promise<RedisConnection> {
  const { values } = parseMetadata(redisFields, { redisHost });
  return connectRedis(values, { logger: silentLogger, signal: never });
}

async function ask(
  redisHost: string,
  ...[name, ...args]: [Uppercase<string>, ...(string | number)[]]
): Promise<string> {
  await using connection = await admin(redisHost);
  return String(await connection.send(name, args));
}

describe.skipIf(!hasRedisServer)('pubsub.redis behind sentinels', () => {
  it('goes on with the new master when the master is killed, and loses nothing that the new one has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sentinels-'));
    await using servers = new AsyncDisposableStack();
    servers.defer(() => rmSync(folder, { recursive: true, force: true }));
    const master = servers.use(await TestServer.start());
    const replica = servers.use(await TestServer.start('--replicaof', '127.0.0.1', String(master.port)));
    await vi.waitFor(
      async () => expect(await ask(replica.host, 'INFO', 'replication')).toContain('master_link_status:up'),
      patient,
    );
    const sentinels: TestServer[] = [];
    for (const name of ['one', 'two', 'three']) {
      const config = join(folder, `${name}.conf`);
      const lines = [
        `monitor main 127.0.0.1 ${master.port} 2`,
        'down-after-milliseconds main 500',
        'failover-timeout main 3000',
      ];
      writeFileSync(config, lines.map((line) => `sentinel ${line}\n`).join(''));
      sentinels.push(servers.use(await TestServer.start(config, '--sentinel')));
    }
    // each has to know of the replica and of the two others before they can agree
    for (const { host } of sentinels) {
      const known = async () => {
        const about = await ask(host, 'SENTINEL', 'MASTERS');
        expect(about).toMatch(/num-slaves,1,.*num-other-sentinels,2/);
      };
      await vi.waitFor(known, patient);
    }

    const redisHost = sentinels.map(({ host }) => host).join(',');
    const properties = { redisHost, failover: 'true', sentinelMasterName: 'main', consumerID: 'app', ...quick };
    await using consumer = await createPubSub(properties);
    await using publisher = await createPubSub(properties);
    await using inbox = await collect(consumer, 'orders');
    const steady = new SteadyPublisher(publisher, 'orders');
    await steady.confirms(200);
    await master.kill();
    await steady.refuses();
    await steady.confirms(200);
    await steady.stop();

    await using newMaster = await admin(replica.host);
    const entries = (await newMaster.send('XRANGE', ['orders', '-', '+'])) as [Buffer, Buffer[]][];
    const there = entries.map(([, fields]) => String(fields[1]));
    await vi.waitFor(() => expect(there.filter((text) => !inbox.seen.includes(text))).toEqual([]), patient);
    // what was confirmed in the last moments of a master that dies may not have reached its replica
    expect(steady.confirmed.filter((text) => !there.includes(text)).length).toBeLessThan(20);
  });
});

/** Three masters, each with a third of the slots, and a replica of the first. */
async function startCluster(servers: AsyncDisposableStack): Promise<{ nodes: TestServer[]; replica: TestServer }> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1500', '--appendonly', 'yes'];
  const nodes: TestServer[] = [];
  for (let index = 0; index < 4; index++) nodes.push(servers.use(await TestServer.start(...options)));
  const [first, , , replica] = nodes as [TestServer, TestServer, TestServer, TestServer];
  const slots = [
    [0, 5460],
    [5461, 10_922],
    [10_923, 16_383],
  ] as const;
  for (const [index, [from, to]] of slots.entries()) {
    await ask(nodes[index]?.host ?? '', 'CLUSTER', 'ADDSLOTSRANGE', from, to);
    await ask(nodes[index]?.host ?? '', 'CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  }
  for (const { port } of nodes.slice(1)) await ask(first.host, 'CLUSTER', 'MEET', '127.0.0.1', port);
  for (const { host } of nodes) {
    await vi.waitFor(async () => {
      const info = await ask(host, 'CLUSTER', 'INFO');
      expect(info).toContain('cluster_state:ok');
      expect(info).toContain('cluster_known_nodes:4');
    }, patient);
  }
  const id = await ask(first.host, 'CLUSTER', 'MYID');
  await vi.waitFor(() => ask(replica.host, 'CLUSTER', 'REPLICATE', id), patient);
  await vi.waitFor(
    async () => expect(await ask(replica.host, 'INFO', 'replication')).toContain('master_link_status:up'),
    patient,
  );
  return { nodes: nodes.slice(0, 3), replica };
}

describe.skipIf(!hasRedisServer)('pubsub.redis in a cluster', () => {
  it('serves topics of all nodes, follows a slot that moves, and goes on when a node dies', async () => {
    await using servers = new AsyncDisposableStack();
    const { nodes, replica } = await startCluster(servers);
    const [first, second] = nodes as [TestServer, TestServer, TestServer];
    const properties = { redisHost: nodes.map(({ host }) => host).join(','), redisType: 'cluster', consumerID: 'app' };
    await using consumer = await createPubSub({ ...properties, ...quick });
    await using publisher = await createPubSub({ ...properties, ...quick });

    // {b} is in slot 3300, {c} in 7365, {a} in 15495: one on each node
    const topics = ['{b}orders', '{c}orders', '{a}orders'];
    const inboxes = await Promise.all(topics.map((topic) => collect(consumer, topic)));
    const all = topics.map((topic) => new SteadyPublisher(publisher, topic));
    for (const steady of all) await steady.confirms(50);

    // to the second node, the one slot with its stream, group and what is pending
    const slot = 3300;
    const [from, to] = [await ask(first.host, 'CLUSTER', 'MYID'), await ask(second.host, 'CLUSTER', 'MYID')];
    await ask(second.host, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from);
    await ask(first.host, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to);
    await ask(first.host, 'MIGRATE', '127.0.0.1', second.port, '{b}orders', 0, 5000);
    for (const { host } of [second, first]) await ask(host, 'CLUSTER', 'SETSLOT', slot, 'NODE', to);
    for (const steady of all) await steady.confirms(50);

    const left = '{f}orders'; // slot 3168, on the first node
    await using last = await collect(consumer, left);
    const steadyLeft = new SteadyPublisher(publisher, left);
    await steadyLeft.confirms(50);
    await first.kill();
    await vi.waitFor(async () => expect(await ask(replica.host, 'ROLE')).toMatch(/^master/), patient);
    for (const steady of [...all, steadyLeft]) await steady.confirms(50);
    await Promise.all([...all, steadyLeft].map((steady) => steady.stop()));

    for (const [index, { confirmed }] of all.entries()) {
      const missing = () => confirmed.filter((text) => !inboxes[index]?.seen.includes(text));
      await vi.waitFor(() => expect(missing()).toEqual([]), patient);
    }
    await using newMaster = await admin(replica.host);
    const entries = (await newMaster.send('XRANGE', [left, '-', '+'])) as [Buffer, Buffer[]][];
    const there = entries.map(([, fields]) => String(fields[1]));
    expect(there.length).toBeGreaterThanOrEqual(50);
    await vi.waitFor(() => expect(there.filter((text) => !last.seen.includes(text))).toEqual([]), patient);
    await Promise.all(inboxes.map((inbox) => inbox[Symbol.asyncDispose]()));
  });
});
