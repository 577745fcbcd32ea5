import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { connectRedis, redisFields, type RedisConnection } from '@outrigger/redis-client';
import { parseMetadata, silentLogger } from '@outrigger/core';

export const howToStartRedis = 'start redis-server, then set OUTRIGGER_TEST_REDIS=127.0.0.1:6379';

const program: string = 'redis-server';

export const hasRedisServer = spawnSync(program, ['--version']).status === 0;

/** A server of the test's own that keeps what it acknowledged through a `kill -9`. */
export class RedisServer implements AsyncDisposable {
  readonly host: string;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'pubsub-redis-'));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
    this.host = `127.0.0.1:${port}`;
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort());
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const options = ['--bind', '127.0.0.1', '--dir', this.#folder, '--save', '', '--appendonly', 'yes'];
    this.#process = spawn(program, ['--port', String(this.#port), ...options], { stdio: 'ignore' });
    await vi.waitFor(
      async () => {
        await using connection = await this.connect();
        await connection.send('PING', []);
      },
      { timeout: 60_000, interval: 20 },
    );
  }

  async kill(): Promise<void> {
    if (this.#process?.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  connect(): Promise<RedisConnection> {
    const { values } = parseMetadata(redisFields, { redisHost: this.host });
    return connectRedis(values, { logger: silentLogger, signal: new AbortController().signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
