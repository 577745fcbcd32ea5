// Serves the dashboard for sidecars that run already, without the command line:
//   npm run build
//   node --conditions=@outrigger/source apps/dashboard/test/dev.ts orders=3500,50001,9090 stock=3501,50002,9091
import { serveDashboard } from '../src/index.ts';

const instances = process.argv.slice(2).map((argument) => {
  const [appId = '', ports = ''] = argument.split('=');
  const [httpPort = 3500, grpcPort, metricsPort] = ports.split(',').map(Number);
  return { appId, httpPort, grpcPort, metricsPort };
});
const { url, otlpEndpoint } = await serveDashboard({ instances: () => instances });
console.log(`dashboard: ${url}\ntraces: OTEL_EXPORTER_OTLP_ENDPOINT=${otlpEndpoint}`);
