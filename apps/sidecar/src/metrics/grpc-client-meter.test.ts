import { silentLogger } from '@outrigger/core';
import { expect, test } from 'vitest';

import { grpcClientMeter } from './grpc-client-meter.ts';
import { PrometheusMetrics } from './prometheus-metrics.ts';

test('calls are counted by method and status, probes of the app apart from them', async () => {
  const metrics = new PrometheusMetrics('shop', silentLogger);
  const log = grpcClientMeter(metrics);
  log('/pkg.Shop/Buy')(0, 2000, 100);
  log('/pkg.Shop/Buy')(1, 0, 100);
  log('/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck')(14, 0, 0);
  const text = await metrics.text();
  const method = 'grpc_client_method="/pkg.Shop/Buy"';
  expect(text).toContain(`dapr_grpc_io_client_completed_rpcs{app_id="shop",${method},grpc_client_status="OK"} 1\n`);
  expect(text).toContain(
    `dapr_grpc_io_client_completed_rpcs{app_id="shop",${method},grpc_client_status="Canceled"} 1\n`,
  );
  expect(text).toContain(
    `dapr_grpc_io_client_roundtrip_latency_count{app_id="shop",${method},grpc_client_status="OK"} 1\n`,
  );
  expect(text).toContain(`dapr_grpc_io_client_received_bytes_per_rpc_sum{app_id="shop",${method}} 2000\n`);
  expect(text).toContain(`dapr_grpc_io_client_sent_bytes_per_rpc_sum{app_id="shop",${method}} 200\n`);
  expect(text).toContain(
    'dapr_grpc_io_healthprobes_completed_count{app_id="shop",grpc_client_status="Unavailable"} 1\n',
  );
  expect(text).toContain(
    'dapr_grpc_io_healthprobes_roundtrip_latency_count{app_id="shop",grpc_client_status="Unavailable"} 1\n',
  );
  expect(text).not.toContain('HealthCheck');
});

test('what comes beyond the limit of series is left out, also when it comes again', async () => {
  const warnings: string[] = [];
  const metrics = new PrometheusMetrics('shop', { ...silentLogger, warn: (line) => void warnings.push(line) });
  const beyond = { path: '/beyond' };
  for (let path = 0; path < 5000; path++) metrics.count('dapr_http_server_request_count', { path: `/${path}` });
  for (let again = 0; again < 3; again++) metrics.count('dapr_http_server_request_count', beyond);
  metrics.count('dapr_http_server_request_count', { path: '/7' });
  const text = await metrics.text();
  expect(text).not.toContain('/beyond');
  expect(text).toContain('dapr_http_server_request_count{app_id="shop",path="/7"} 2\n');
  expect(warnings).toEqual([expect.stringContaining('5000 combinations of labels')]);
});
