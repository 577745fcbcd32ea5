import { createServer } from 'node:net';

import { expect, test } from 'vitest';

import { parseFlags } from '../process/flags.ts';
import { createMetricsServer } from './metrics-server.ts';
import { PrometheusMetrics } from './prometheus-metrics.ts';
import { serveMetrics } from './serve-metrics.ts';

/** Lines of a log, each behind its level. */
function recorder() {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger = { isEnabled: () => true, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { lines, logger };
}

async function served() {
  const { logger, lines } = recorder();
  const metrics = new PrometheusMetrics('orders', logger);
  const server = createMetricsServer({ metrics, addresses: ['127.0.0.1'], port: 0, logger });
  const url = `http://127.0.0.1:${await server.listen()}`;
  return { metrics, url, lines, [Symbol.asyncDispose]: () => server.close(0) };
}

test('any path shows what was counted, also before the first reader, with the labels in their order', async () => {
  await using scene = await served();
  const { metrics, url } = scene;
  const labels = { target: 'app_"x"', name: 'r', policy: 'retry' };
  metrics.count('dapr_resiliency_count', labels);
  metrics.set('dapr_resiliency_cb_state', 1, { status: 'open' });
  for (const path of ['/', '/metrics', '/a/b?c=d']) {
    const answer = await fetch(url + path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  }
  metrics.count('dapr_resiliency_count', labels);
  metrics.count('dapr_resiliency_count', { ...labels });
  metrics.set('dapr_resiliency_cb_state', 0, { status: 'open' });
  const text = await (await fetch(url)).text();
  expect(text.split('\n').filter((line) => line.startsWith('dapr_'))).toEqual([
    'dapr_resiliency_count{app_id="orders",name="r",policy="retry",target="app_\\"x\\""} 3',
    'dapr_resiliency_cb_state{app_id="orders",status="open"} 0',
  ]);
  expect(text).toContain('# TYPE dapr_resiliency_count counter');
  expect(text).toContain('# TYPE dapr_resiliency_cb_state gauge');
  expect((await fetch(url, { method: 'POST' })).status).toBe(405);
});

test('the number of series is bounded, and that is said', async () => {
  await using scene = await served();
  const { metrics, url, lines } = scene;
  for (let index = 0; index < 5100; index++) metrics.count('dapr_x', { target: `app_${index}` });
  const text = await (await fetch(url)).text();
  expect(text.split('\n').filter((line) => line.startsWith('dapr_x{'))).toHaveLength(5000);
  expect(lines).toEqual(['warn the metric dapr_x has 5000 combinations of labels; further ones are not counted']);
});

test('a taken port is an error when it was chosen, and a warning when it is the default', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  const { port } = other.address() as { port: number };
  const { logger, lines } = recorder();
  const metrics = new PrometheusMetrics('orders', logger);
  try {
    const { flags, given } = parseFlags(['--metrics-port', String(port), '--metrics-listen-address', '127.0.0.1']);
    await expect(serveMetrics({ flags, given, metrics, logger })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use; stop the process that has it, or choose another with --metrics-port`,
    );
    // as if that were the default
    expect(await serveMetrics({ flags, given: new Set(), metrics, logger })).toBeUndefined();
    expect(lines).toEqual([expect.stringContaining(`warn metrics are not served: cannot listen on 127.0.0.1:${port}`)]);
  } finally {
    await new Promise((resolve) => other.close(resolve));
  }
});
