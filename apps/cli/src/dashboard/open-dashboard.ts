import type { RunningDashboard } from '@outrigger/dashboard';
import type { Instance } from '../instances/instance.ts';
import { Registry } from '../instances/registry.ts';
import { UserError } from '../user-error.ts';

export interface OpenDashboardOptions {
  /** `homeFolder`: whatever runs from there is shown, also what other commands run. */
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

/** A dashboard, and what sidecars have to be told to send their traces there. */
export interface OpenDashboard extends RunningDashboard {
  /** For the environment of sidecars; empty where it says already where traces go. */
  readonly sidecarEnv: Readonly<Record<string, string>>;
}

const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/** Serves the dashboard until disposal. Rejects with a {@link UserError} when the port is taken. */
export async function openDashboard({ home, env, port }: OpenDashboardOptions): Promise<OpenDashboard> {
  // only who wants it waits for it
  const { serveDashboard } = await import('@outrigger/dashboard');
  const registry = new Registry(home);
  const apiToken = env['DAPR_API_TOKEN'];
  const instances = () => registry.list().map((instance) => shown(instance, apiToken));
  try {
    const dashboard = await serveDashboard({ instances, ...(port !== undefined && { port }) });
    const isSet = endpoints.some((name) => env[name]);
    return {
      ...dashboard,
      sidecarEnv: isSet
        ? {}
        : { OTEL_EXPORTER_OTLP_ENDPOINT: dashboard.otlpEndpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new UserError(`port ${port} is taken; name another one, or none for any that is free`, { cause: error });
  }
}

function shown({ appLogPath, sidecarLogPath, ...instance }: Instance, apiToken: string | undefined) {
  const logs = [
    { name: 'app', path: appLogPath },
    { name: 'sidecar', path: sidecarLogPath },
  ];
  return {
    ...instance,
    apiToken,
    logs: logs.flatMap(({ name, path }) => (path === undefined ? [] : [{ name, path }])),
  };
}
