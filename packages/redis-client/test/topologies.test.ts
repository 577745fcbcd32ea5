import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireBackend } from '@outrigger/conformance';
import { expect, it, vi } from 'vitest';
import { redisScript } from '../src/index.ts';
import { freePort, TestServer } from '../src/test-server.ts';
import { backend, connect, howToStart } from './connect.ts';

requireBackend(backend, howToStart, () => {
  it('works with a cluster: keys of all slots, scripts, scans and the way back after an outage', async () => {
    await using server = await TestServer.start(
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(await freePort()),
      '--cluster-announce-ip',
      '127.0.0.1',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    );
    await using admin = await connect({ redisHost: server.host });
    await admin.send('CLUSTER', ['ADDSLOTSRANGE', 0, 16_383]);
    await vi.waitFor(async () => expect(String(await admin.send('CLUSTER', ['INFO']))).toContain('cluster_state:ok'), {
      timeout: 60_000,
    });
    await using cluster = await connect({ redisHost: server.host, redisType: 'cluster' });
    const keys = Array.from({ length: 200 }, (_, index) => `key${index}`);
    const set = redisScript("return redis.call('SET', KEYS[1], ARGV[1])");
    await Promise.all(keys.map((key) => cluster.run(set, [key], [key])));
    const found: string[] = [];
    let cursor = '0';
    do {
      const step = await cluster.scan(cursor, 'key*', 50);
      found.push(...step.keys);
      ({ cursor } = step);
    } while (cursor !== '0');
    expect(new Set(found)).toEqual(new Set(keys));
    await expect(cluster.send('MSET', ['a', '1', 'b', '2'])).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('hash tag'),
    });

    await server.kill();
    await vi.waitFor(() => expect(cluster.send('GET', ['key1'])).rejects.toMatchObject({ code: 'unavailable' }));
    await server.restart();
    await vi.waitFor(async () => expect(String(await cluster.send('GET', ['key1']))).toBe('key1'), {
      timeout: 60_000,
      interval: 100,
    });
  });

  it('finds the master through sentinels', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
    await using master = await TestServer.start('--requirepass', 'data');
    const config = join(folder, 'sentinel.conf');
    writeFileSync(config, `sentinel monitor main 127.0.0.1 ${master.port} 1\nsentinel auth-pass main data\n`);
    await using sentinel = await TestServer.start(config, '--sentinel');
    await using connection = await connect({
      redisHost: sentinel.host,
      failover: 'true',
      sentinelMasterName: 'main',
      redisPassword: 'data',
    });
    expect(String(await connection.send('PING', []))).toBe('PONG');
    await expect(
      connect({ redisHost: sentinel.host, failover: 'true', sentinelMasterName: 'other', redisPassword: 'data' }),
    ).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('other') });
    rmSync(folder, { recursive: true });
  });

  it('speaks TLS, checks the certificate unless told not to, and says so when it is not trusted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const request = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ];
    execFileSync('openssl', request, { stdio: 'ignore' });
    await using probe = await TestServer.start();
    const port = probe.port;
    await probe[Symbol.asyncDispose]();
    const tls = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert];
    await using _ = await TestServer.start('--tls-port', String(port), ...tls);
    const redisHost = `127.0.0.1:${port}`;
    const mutual = { enableTLS: 'true', clientCert: readFileSync(cert, 'utf8'), clientKey: readFileSync(key, 'utf8') };

    await using connection = await connect({ redisHost, ...mutual, insecureSkipTLSVerify: 'true' });
    expect(String(await connection.send('PING', []))).toBe('PONG');
    await expect(connect({ redisHost, ...mutual })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    await expect(connect({ redisHost })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('enableTLS'),
    });
    rmSync(folder, { recursive: true });
  });
});
