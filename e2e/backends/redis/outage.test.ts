import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Child } from '../../processes/child.ts';
import { freePorts } from '../../processes/ports.ts';
import { startRedis } from '../../processes/redis.ts';
import { Sidecar } from '../../processes/sidecar.ts';
import { configFile, resourcesOf, Workspace } from '../../processes/workspace.ts';

describe('when Redis dies and comes back', () => {
  const workspace = new Workspace();
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-redis-'));
  const handled = new Set<number>();
  let port = 0;
  let redis: Child;
  let app: Server;
  let sidecar: Sidecar;

  beforeAll(async () => {
    [port = 0] = await freePorts(1);
    redis = await startRedis(port, folder);
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      if (request.url === '/dapr/subscribe') {
        response
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify([{ pubsubname: 'pubsub', topic: 'numbers', route: '/numbers' }]));
      } else if (request.url === '/numbers') {
        const { data } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { data: number };
        handled.add(data);
        response.end();
      } else {
        response.writeHead(404).end();
      }
    };
    app = createServer((request, response) => {
      answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    sidecar = await Sidecar.start({
      appId: 'steady',
      appPort: (app.address() as { port: number }).port,
      resourcesPath: resourcesOf('redis'),
      config: configFile,
      env: { ...workspace.env, OUTRIGGER_TEST_REDIS: `127.0.0.1:${port}` },
    });
  });

  afterAll(async () => {
    await sidecar[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    app.close();
    app.closeAllConnections();
    rmSync(folder, { recursive: true });
    workspace[Symbol.dispose]();
  });

  it('requests fail clearly, then succeed again; nothing acknowledged is lost', async () => {
    const saved: number[] = [];
    const published: number[] = [];
    const failures: { status: number; errorCode: string; message: string }[] = [];
    let stop = false;

    async function write(): Promise<void> {
      for (let n = 0; !stop; n++) {
        const [state, publish] = await Promise.all([
          sidecar.post('/v1.0/state/statestore', [{ key: `n${n}`, value: n }]),
          sidecar.post('/v1.0/publish/pubsub/numbers', n),
        ]);
        if (state.status === 204) saved.push(n);
        else
          failures.push({ status: state.status, ...((await state.json()) as { errorCode: string; message: string }) });
        if (publish.status === 204) published.push(n);
        else
          failures.push({
            status: publish.status,
            ...((await publish.json()) as { errorCode: string; message: string }),
          });
      }
    }

    const writing = write();
    await vi.waitFor(() => expect(published.length).toBeGreaterThan(50), { timeout: 60_000 });
    await redis.stop('SIGKILL');
    await vi.waitFor(() => expect(failures.length).toBeGreaterThan(10), { timeout: 60_000 });
    expect(sidecar.running).toBe(true);
    expect((await sidecar.fetch('/v1.0/healthz')).status).toBe(204);

    redis = await startRedis(port, folder);
    const atReturn = { saved: saved.length, published: published.length };
    await vi.waitFor(
      () => {
        expect(saved.length).toBeGreaterThan(atReturn.saved + 20);
        expect(published.length).toBeGreaterThan(atReturn.published + 20);
      },
      { timeout: 60_000 },
    );
    stop = true;
    await writing;

    expect(failures.every(({ status }) => status >= 500)).toBe(true);
    expect(new Set(failures.map(({ errorCode }) => errorCode))).toEqual(
      new Set(['ERR_STATE_SAVE', 'ERR_PUBSUB_PUBLISH_MESSAGE']),
    );
    expect(failures.every(({ message }) => message.includes('statestore') || message.includes('pubsub'))).toBe(true);

    const stored = await Promise.all(
      saved.map(async (n) => (await sidecar.fetch(`/v1.0/state/statestore/n${n}`)).json()),
    );
    expect(stored).toEqual(saved);
    await vi.waitFor(() => expect(published.filter((n) => !handled.has(n))).toEqual([]), {
      timeout: 60_000,
      interval: 100,
    });
  });
});
