import type { TraceSpan } from './span.ts';

interface ServiceNode {
  readonly service: string;
  readonly spans: number;
  readonly errors: number;
}

/** What one service has another do: a call, or a message it handles. */
interface ServiceEdge {
  readonly from: string;
  readonly to: string;
  readonly calls: number;
  readonly errors: number;
}

export interface ServiceMap {
  readonly nodes: readonly ServiceNode[];
  readonly edges: readonly ServiceEdge[];
}

/** Who talks to whom: two services are joined where a span of the one is below a span of the other. */
export function serviceMap(traces: Iterable<readonly TraceSpan[]>): ServiceMap {
  const nodes = new Map<string, { service: string; spans: number; errors: number }>();
  const edges = new Map<string, { from: string; to: string; calls: number; errors: number }>();
  for (const spans of traces) {
    const services = new Map(spans.map(({ spanId, service }) => [spanId, service]));
    for (const { service, parentSpanId, error } of spans) {
      const node = nodes.get(service) ?? { service, spans: 0, errors: 0 };
      nodes.set(service, node);
      node.spans++;
      if (error !== undefined) node.errors++;
      const from = services.get(parentSpanId);
      if (from === undefined || from === service) continue;
      const key = JSON.stringify([from, service]);
      const edge = edges.get(key) ?? { from, to: service, calls: 0, errors: 0 };
      edges.set(key, edge);
      edge.calls++;
      if (error !== undefined) edge.errors++;
    }
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}
