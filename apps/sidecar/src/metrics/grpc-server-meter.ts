import { KeptLabels, type Metrics } from '@outrigger/runtime';
import type { GrpcServerOptions } from '@outrigger/grpc/server';

import { statusLabel } from './grpc-labels.ts';

interface Labels {
  readonly method: { readonly grpc_server_method: string };
  readonly outcome: { readonly grpc_server_method: string; readonly grpc_server_status: string };
}

/** Counts the calls of a gRPC server once they have ended, as `dapr_grpc_io_server_…`; the bytes of streams are not counted. */
export function grpcServerMeter(metrics: Metrics): NonNullable<GrpcServerOptions['log']> {
  const kept = new KeptLabels<Labels>();
  return (path, _context, kind) => {
    const start = performance.now();
    return (code, received, sent) => {
      const { method, outcome } = kept.get(`${path} ${code}`, () => {
        const own = { grpc_server_method: path };
        return { method: own, outcome: { ...own, grpc_server_status: statusLabel(code) } };
      });
      metrics.count('dapr_grpc_io_server_completed_rpcs', outcome);
      metrics.observe('dapr_grpc_io_server_server_latency', performance.now() - start, outcome);
      if (kind === 'stream') return;
      metrics.observe('dapr_grpc_io_server_received_bytes_per_rpc', received, method);
      metrics.observe('dapr_grpc_io_server_sent_bytes_per_rpc', sent, method);
    };
  };
}
