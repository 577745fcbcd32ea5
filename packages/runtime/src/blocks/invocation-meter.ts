import type { AppRequest, AppResponse } from '../app-channel/app-channel.ts';
import { grpcStatus } from '../errors.ts';
import { KeptLabels } from '../kept-labels.ts';
import type { Metrics } from '../metrics.ts';

const family = 'dapr_runtime_service_invocation';
/** What is answered to a peer whose call failed before the app could answer it. */
const failed = 500;

/** Counts the calls between this sidecar and others, as `dapr_runtime_service_invocation_…`. */
export class InvocationMeter {
  readonly #metrics: Metrics;
  readonly #labels = new KeptLabels();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** One attempt to call an app through its sidecar. An answer is counted when its status is there; a failure has none. */
  async sent(appId: string, { body }: AppRequest, call: () => Promise<AppResponse>): Promise<AppResponse> {
    const type = body === undefined || body instanceof Uint8Array ? 'unary' : 'streaming';
    const request = this.#labels.get(`> ${type} ${appId}`, () => ({ dst_app_id: appId, type }));
    this.#metrics.count(`${family}_req_sent_total`, request);
    const start = performance.now();
    const response = await call();
    const status = String(statusOf(response));
    const answer = this.#labels.get(`< ${type} ${status} ${appId}`, () => ({ src_app_id: appId, status, type }));
    const latency = this.#labels.get(`ms ${status} ${appId}`, () => ({ src_app_id: appId, status }));
    this.#metrics.count(`${family}_res_recv_total`, answer);
    this.#metrics.observe(`${family}_res_recv_latency_ms`, performance.now() - start, latency);
    return response;
  }

  /** A call of another sidecar for this one's app. */
  async received({ headers }: AppRequest, call: () => Promise<AppResponse>): Promise<AppResponse> {
    const given = headers['dapr-caller-app-id'];
    const caller = (typeof given === 'string' ? given : given?.[0]) ?? '';
    this.#metrics.count(
      `${family}_req_recv_total`,
      this.#labels.get(`from ${caller}`, () => ({ src_app_id: caller })),
    );
    let code = failed;
    try {
      const response = await call();
      code = statusOf(response);
      return response;
    } finally {
      const status = String(code);
      const labels = this.#labels.get(`to ${status} ${caller}`, () => ({ dst_app_id: caller, status }));
      this.#metrics.count(`${family}_res_sent_total`, labels);
    }
  }
}

function statusOf({ grpc, status }: AppResponse): number {
  return grpc === undefined ? status : grpcStatus[grpc.status];
}
