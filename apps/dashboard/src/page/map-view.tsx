import type { ServiceMap } from '../traces/service-map.ts';
import { usePolled } from './api.ts';
import { Problem, Table } from './parts.tsx';

const size = { width: 720, height: 420, node: 34 };

/** Who talks to whom, as the traces have it: drawn, and as a table. */
export function MapView() {
  const { data: map = { nodes: [], edges: [] }, error } = usePolled<ServiceMap>('/api/service-map');
  return (
    <>
      <h1>Service map</h1>
      <Problem text={error} />
      {map.nodes.length > 0 && <Drawing map={map} />}
      <Table
        caption="Calls and messages between services"
        head={['From', 'To', 'Calls', 'Failed']}
        rows={map.edges.map(({ from, to, calls, errors }) => [from, to, calls, errors])}
        none={`No trace goes from one service to another. Send traces here: OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}`}
      />
    </>
  );
}

/** On a circle, in the order in which they came. */
function Drawing({ map: { nodes, edges } }: { readonly map: ServiceMap }) {
  const { width, height, node: radius } = size;
  const places = new Map(
    nodes.map(({ service }, index) => {
      const angle = (index / nodes.length) * 2 * Math.PI - Math.PI;
      const far = nodes.length === 1 ? 0 : 1;
      const x = width / 2 + far * Math.cos(angle) * (width / 2 - radius * 2.5);
      const y = height / 2 + far * Math.sin(angle) * (height / 2 - radius * 1.6);
      return [service, { x, y }] as const;
    }),
  );
  return (
    <svg
      class="map"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`services: ${nodes.length}, connections: ${edges.length}; the table below has them`}
    >
      <defs>
        <marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
          <path class="arrow" d="M 0 0 L 10 5 L 0 10 z" />
        </marker>
      </defs>
      {edges.map(({ from, to, calls, errors }) => {
        const [a, b] = [places.get(from), places.get(to)];
        if (a === undefined || b === undefined) return undefined;
        const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
        const [dx, dy] = [(b.x - a.x) / length, (b.y - a.y) / length];
        // to the side, so that calls both ways do not lie on each other
        const [sx, sy] = [-dy * 8, dx * 8];
        return (
          <g key={`${from}→${to}`} class={errors > 0 ? 'edge failed' : 'edge'}>
            <line
              x1={a.x + dx * radius + sx}
              y1={a.y + dy * radius + sy}
              x2={b.x - dx * radius + sx}
              y2={b.y - dy * radius + sy}
              marker-end="url(#arrow)"
            />
            <text x={(a.x + b.x) / 2 + sx * 2} y={(a.y + b.y) / 2 + sy * 2}>
              {calls}
            </text>
          </g>
        );
      })}
      {nodes.map(({ service, errors }) => {
        const { x = 0, y = 0 } = places.get(service) ?? {};
        return (
          <g key={service} class={errors > 0 ? 'node failed' : 'node'}>
            <circle cx={x} cy={y} r={radius} />
            <text x={x} y={y + radius + 16}>
              {service}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
