import { KeptLabels, type Metrics } from '@outrigger/runtime';
import type { GrpcClientOptions } from '@outrigger/grpc/client';

import { statusLabel } from './grpc-labels.ts';

/** Told of each call that is made. */
export type GrpcClientLog = NonNullable<GrpcClientOptions['log']>;

interface Labels {
  readonly method: { readonly grpc_client_method: string };
  readonly outcome: { readonly grpc_client_method: string; readonly grpc_client_status: string };
}

/** The app's health, which is counted apart from other calls, without its method. */
const healthCheck = '/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck';

/** Counts calls to an app that speaks gRPC and to other sidecars once they have ended, as `dapr_grpc_io_client_…`. */
export function grpcClientMeter(metrics: Metrics): GrpcClientLog {
  const kept = new KeptLabels<Labels>();
  return (path) => {
    const start = performance.now();
    return (code, received, sent) => {
      const { method, outcome } = kept.get(`${path} ${code}`, () => {
        const own = { grpc_client_method: path };
        return { method: own, outcome: { ...own, grpc_client_status: statusLabel(code) } };
      });
      const elapsed = performance.now() - start;
      if (path === healthCheck) {
        const { grpc_client_status } = outcome;
        metrics.count('dapr_grpc_io_healthprobes_completed_count', { grpc_client_status });
        metrics.observe('dapr_grpc_io_healthprobes_roundtrip_latency', elapsed, { grpc_client_status });
        return;
      }
      metrics.count('dapr_grpc_io_client_completed_rpcs', outcome);
      metrics.observe('dapr_grpc_io_client_roundtrip_latency', elapsed, outcome);
      metrics.observe('dapr_grpc_io_client_received_bytes_per_rpc', received, method);
      metrics.observe('dapr_grpc_io_client_sent_bytes_per_rpc', sent, method);
    };
  };
}
