import { describe, expect, it } from 'vitest';

import type { Answer, ReceivedRequest } from '../../test/http-app.ts';
import { scene } from '../../test/pubsub-scene.ts';

describe('bulk subscription', () => {
  const bulk = { bulkSubscribe: { enabled: true, maxMessagesCount: 2, maxAwaitDurationMs: 20 } };
  interface BulkBody {
    readonly entries: { entryId: string; event: { data: { n: number } } | string; contentType: string }[];
    readonly type: string;
    readonly topic: string;
    readonly pubsubname: string;
  }
  const bodyOf = (request: ReceivedRequest | undefined): BulkBody => JSON.parse(request?.body ?? '{}') as BulkBody;
  const answerEach =
    (statusOf: (entry: BulkBody['entries'][number]) => string) =>
    (request: ReceivedRequest): Answer => ({
      body: { statuses: bodyOf(request).entries.map((entry) => ({ entryId: entry.entryId, status: statusOf(entry) })) },
    });

  it('hands over envelopes with their numbers intact', async () => {
    const { app, publish } = await scene({
      subscription: { route: '/orders', ...bulk },
      handle: answerEach(() => 'SUCCESS'),
    });
    await publish('{"n":12345678901234567890}');
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    const [request] = app.posted('/orders');
    expect(request?.headers['content-type']).toBe('application/json');
    expect(request?.body).toContain('{"n":12345678901234567890}');
    expect(bodyOf(request)).toMatchObject({ type: 'com.dapr.event.sent.bulk', topic: 'orders', pubsubname: 'pubsub' });
    expect(bodyOf(request).entries[0]).toMatchObject({ contentType: 'application/cloudevents+json' });
  });

  it('hands over raw payloads as base64', async () => {
    const { app, publish } = await scene({
      subscription: { route: '/orders', ...bulk, metadata: { rawPayload: 'true' } },
      handle: answerEach(() => 'SUCCESS'),
    });
    await publish('bytes', { rawPayload: 'true' });
    await expect.poll(() => app.posted('/orders')).toHaveLength(1);
    expect(bodyOf(app.posted('/orders')[0]).entries[0]).toMatchObject({
      event: Buffer.from('bytes').toString('base64'),
      contentType: 'application/octet-stream',
    });
  });

  it('retries, drops and acknowledges each entry for itself', async () => {
    const seen: number[] = [];
    const { publish, dead } = await scene({
      subscription: { route: '/orders', ...bulk, deadLetterTopic: 'dead' },
      handle: answerEach(({ event }) => {
        const { n } = (event as { data: { n: number } }).data;
        seen.push(n);
        return ['SUCCESS', 'DROP', 'RETRY'][n] ?? 'SUCCESS';
      }),
    });
    for (const n of [0, 1, 2]) await publish({ n });
    await expect.poll(() => dead).toHaveLength(2);
    expect(seen).toEqual([0, 1, 2]);
    expect(
      dead.map(({ data }) => (JSON.parse(Buffer.from(data).toString()) as { data: { n: number } }).data.n),
    ).toEqual([1, 2]);
  });

  it('does not wait for a batch to fill when it ends', async () => {
    const { app, publish, subscriptions } = await scene({
      subscription: {
        route: '/orders',
        bulkSubscribe: { enabled: true, maxMessagesCount: 100, maxAwaitDurationMs: 60_000 },
      },
      handle: answerEach(() => 'SUCCESS'),
    });
    await publish({ n: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    await subscriptions.stop(new AbortController().signal);
    expect(app.posted('/orders')).toHaveLength(1);
  });

  it('brings everything again when the app fails or forgets an entry', async () => {
    let calls = 0;
    const { app, publish } = await scene({
      subscription: { route: '/orders', ...bulk },
      handle: (request) => {
        calls++;
        if (calls === 1) return { status: 500 };
        if (calls === 2) return { body: { statuses: [] } };
        return answerEach(() => 'SUCCESS')(request);
      },
    });
    await publish({ n: 1 });
    await expect.poll(() => app.posted('/orders')).toHaveLength(3);
  });
});
