import { createServer, type Server } from 'node:http';

import { CommunicationProtocolEnum, DaprClient, LogLevel } from '@dapr/dapr';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

import { freePorts } from './processes/ports.ts';
import { configFile, Workspace } from './processes/workspace.ts';
import { Sidecar } from './processes/sidecar.ts';

/** The families that this traffic has to leave behind, with their labels beside `app_id`: as Dapr 1.18 has them. */
const families: Readonly<Record<string, readonly string[]>> = {
  dapr_http_server_request_count: ['method', 'path', 'status'],
  dapr_http_server_response_count: ['method', 'path', 'status'],
  dapr_http_server_request_bytes: [],
  dapr_http_server_response_bytes: [],
  dapr_http_server_latency: ['method', 'path', 'status'],
  dapr_http_client_sent_bytes: ['method', 'path', 'status'],
  dapr_http_client_received_bytes: [],
  dapr_http_client_roundtrip_latency: ['method', 'path', 'status'],
  dapr_http_client_completed_count: ['method', 'path', 'status'],
  dapr_http_healthprobes_completed_count: ['status'],
  dapr_http_healthprobes_roundtrip_latency: ['status'],
  dapr_grpc_io_server_completed_rpcs: ['grpc_server_method', 'grpc_server_status'],
  dapr_grpc_io_server_server_latency: ['grpc_server_method', 'grpc_server_status'],
  dapr_grpc_io_server_received_bytes_per_rpc: ['grpc_server_method'],
  dapr_grpc_io_server_sent_bytes_per_rpc: ['grpc_server_method'],
  dapr_grpc_io_client_completed_rpcs: ['grpc_client_method', 'grpc_client_status'],
  dapr_grpc_io_client_roundtrip_latency: ['grpc_client_method', 'grpc_client_status'],
  dapr_grpc_io_client_received_bytes_per_rpc: ['grpc_client_method'],
  dapr_grpc_io_client_sent_bytes_per_rpc: ['grpc_client_method'],
  dapr_component_state_count: ['component', 'namespace', 'operation', 'success'],
  dapr_component_state_latencies: ['component', 'namespace', 'operation', 'success'],
  dapr_component_output_binding_count: ['component', 'namespace', 'operation', 'success'],
  dapr_component_output_binding_latencies: ['component', 'namespace', 'operation', 'success'],
  dapr_component_pubsub_egress_count: ['component', 'namespace', 'success', 'topic'],
  dapr_component_pubsub_egress_latencies: ['component', 'namespace', 'success', 'topic'],
  dapr_component_pubsub_egress_bulk_count: ['component', 'namespace', 'success', 'topic'],
  dapr_component_pubsub_egress_bulk_event_count: ['component', 'namespace', 'success', 'topic'],
  dapr_component_pubsub_egress_bulk_latencies: ['component', 'namespace', 'success', 'topic'],
  dapr_component_pubsub_ingress_count: ['component', 'namespace', 'process_status', 'status', 'topic'],
  dapr_component_pubsub_ingress_latencies: ['component', 'namespace', 'process_status', 'status', 'topic'],
  dapr_resiliency_loaded: ['name', 'namespace'],
  dapr_runtime_component_loaded: [],
  dapr_runtime_component_init_total: ['component'],
  dapr_runtime_service_invocation_req_sent_total: ['dst_app_id', 'type'],
  dapr_runtime_service_invocation_res_recv_total: ['src_app_id', 'status', 'type'],
  dapr_runtime_service_invocation_res_recv_latency_ms: ['src_app_id', 'status'],
  dapr_error_code_total: ['category', 'error_code'],
};
const latencies =
  '1,2,3,4,5,6,8,10,13,16,20,25,30,40,50,65,80,100,130,160,200,250,300,400,500,650,800,1000,2000,5000,10000,20000,50000,100000,+Inf';
const sizes =
  '1024,2048,4096,16384,65536,262144,1.048576e+06,4.194304e+06,1.6777216e+07,6.7108864e+07,2.68435456e+08,1.073741824e+09,4.294967296e+09,+Inf';

const component = (name: string, type: string, metadata = '[]') =>
  `---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec: {type: ${type}, version: v1, metadata: ${metadata}}\n`;

const settings = `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: metrics}
spec:
  metrics:
    recordErrorCodes: true
    rules:
      - name: dapr_http_server_request_count
        labels: [{name: path, regex: {"/orders/{id}": "/orders/\\\\d+"}}]
`;

const workspace = new Workspace();
const stack = new AsyncDisposableStack();
let app: Server;
let shop: Sidecar;
let metricsUrl: string;

async function startSidecar(appId: string, appPort: number, metricsPort: number): Promise<Sidecar> {
  const args = ['--enable-metrics=true', '--metrics-port', String(metricsPort), '--config', configFile];
  const health = ['--enable-app-health-check', '--app-health-probe-interval', '1'];
  const config = workspace.file('config.yaml', settings);
  const sidecar = await Sidecar.start({
    appId,
    appPort,
    config,
    resourcesPath: workspace.path,
    env: workspace.env,
    args: [...args, ...health],
  });
  return stack.use(sidecar);
}

beforeAll(async () => {
  app = createServer((request, response) => {
    const subscriptions = [{ pubsubname: 'pubsub', topic: 'orders', route: '/orders' }];
    if (request.url === '/dapr/subscribe') response.setHeader('content-type', 'application/json');
    response.end(request.url === '/dapr/subscribe' ? JSON.stringify(subscriptions) : '{}');
    request.resume();
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const { port } = app.address() as { port: number };
  workspace.file(
    'components.yaml',
    component('store', 'state.in-memory') +
      component('pubsub', 'pubsub.in-memory') +
      component('outgoing', 'bindings.http', `[{name: url, value: "http://127.0.0.1:${port}"}]`) +
      '---\napiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: rules}\nspec: {policies: {}, targets: {}}\n',
  );
  const [first = 0, second = 0] = await freePorts(2);
  [shop] = await Promise.all([startSidecar('shop', port, first), startSidecar('stock', port, second)]);
  metricsUrl = `http://127.0.0.1:${first}/metrics`;
});

afterAll(async () => {
  await stack.disposeAsync();
  await new Promise((resolve) => app.close(resolve));
  workspace[Symbol.dispose]();
});

const scrape = async (): Promise<string> => (await fetch(metricsUrl)).text();
const linesOf = (text: string, name: string) => text.split('\n').filter((line) => line.startsWith(`${name}{`));
const labelNames = (line: string) => [...line.matchAll(/([a-zA-Z_]+)="/g)].map(([, name]) => name);

test('a scrape has what the traffic was, under the names, labels and buckets that dashboards for Dapr ask for', async () => {
  expect((await shop.post('/v1.0/state/store', [{ key: 'a', value: 1 }])).status).toBe(204);
  const sent = await Promise.all([
    shop.fetch('/v1.0/state/store/a'),
    shop.fetch('/v1.0/state/nostore/a'),
    shop.post('/v1.0/publish/pubsub/orders', { id: 1 }),
    shop.post('/v1.0-alpha1/publish/bulk/pubsub/orders', [{ entryId: '1', event: 'x', contentType: 'text/plain' }]),
    shop.post('/v1.0/bindings/outgoing', { operation: 'get' }),
    shop.fetch('/v1.0/invoke/stock/method/orders/17'),
  ]);
  expect(sent.map(({ status }) => status)).toEqual([200, 400, 204, 204, 200, 200]);
  const client = new DaprClient({
    daprHost: '127.0.0.1',
    daprPort: String(shop.grpcPort),
    communicationProtocol: CommunicationProtocolEnum.GRPC,
    logger: { level: LogLevel.Error },
  });
  onTestFinished(() => client.stop());
  expect(await client.state.get('store', 'a')).toBe(1);
  await expect(client.lock.unlock('nolock', 'a', 'me')).rejects.toThrow(/lock/);
  await vi.waitFor(
    async () => {
      const text = await scrape();
      expect(Object.keys(families).filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
      expect(text).toMatch(/dapr_component_pubsub_ingress_count\{.*process_status="success".*\} 2\n/);
    },
    { timeout: 60_000, interval: 200 },
  );
  const text = await scrape();
  expect(text, 'a help text says more than the name').not.toMatch(/^# HELP (\S+) \1$/m);
  for (const [name, labels] of Object.entries(families)) {
    const isHistogram = text.includes(`# TYPE ${name} histogram`);
    expect(isHistogram, name).toBe(/_(latency|latencies|bytes|bytes_per_rpc|latency_ms)$/.test(name));
    const [line = ''] = linesOf(text, isHistogram ? `${name}_count` : name);
    expect(labelNames(line), name).toEqual([...labels, 'app_id'].toSorted());
    if (!isHistogram) continue;
    const [, series = ''] = /\{(.*)\}/.exec(line) ?? [];
    const buckets = linesOf(text, `${name}_bucket`).filter((bucket) => bucket.includes(`{${series},le=`));
    const bounds = buckets.map((bucket) => /le="([^"]+)"/.exec(bucket)?.[1]).join(',');
    expect(bounds, name).toBe(name.includes('_bytes') ? sizes : latencies);
  }
  expect(text).toContain(
    'dapr_error_code_total{app_id="shop",category="state",error_code="ERR_STATE_STORE_NOT_FOUND"} 1\n',
  );
  expect(text, 'an error over gRPC').toMatch(
    /^dapr_error_code_total\{app_id="shop",category="lock",error_code="ERR_LOCK_[A-Z_]+"\} 1$/m,
  );
  expect(text).toMatch(
    /^dapr_grpc_io_server_completed_rpcs\{.*grpc_server_method="\/dapr\.proto\.runtime\.v1\.Dapr\/GetState",grpc_server_status="OK"\} 1$/m,
  );
  expect(text).toMatch(
    /^dapr_grpc_io_client_completed_rpcs\{.*grpc_client_method="\/dapr\.proto\.internals\.v1\.ServiceInvocation\/CallLocal\w*",grpc_client_status="OK"\} 1$/m,
  );
  expect(text).toContain(
    'dapr_http_server_request_count{app_id="shop",method="GET",path="/v1.0/state/store",status="200"} 1\n',
  );
  expect(text, 'a rule has rewritten the path').toContain(
    'path="/v1.0/invoke/stock/method/orders/{id}",status="200"} 1\n',
  );
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(text).toMatch(/^process_virtual_memory_bytes \d+$/m);
  expect(text).toMatch(/^process_start_time_seconds [\d.]+$/m);
  expect(text).toMatch(/^process_cpu_seconds_total [\d.]+$/m);
});
