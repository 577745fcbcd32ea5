import { HttpError } from '../http/http-error.ts';
import { type Breaker, readBreakers } from './breakers.ts';
import type { DashboardInstance } from './dashboard-instance.ts';
import type { Health, InstanceDetails, InstanceSummary } from './instance-details.ts';
import { readShownResources } from './shown-resources.ts';
import { askSidecar, askWell } from './sidecar-api.ts';

type List = () => readonly DashboardInstance[] | Promise<readonly DashboardInstance[]>;

/** The instances that whoever serves the dashboard knows, and what they tell of themselves. */
export class Instances {
  readonly #list: List;

  constructor(list: List) {
    this.#list = list;
  }

  async all(): Promise<InstanceSummary[]> {
    return Promise.all((await this.#list()).map(summaryOf));
  }

  /** Throws 404 for one that is not, or no more, among them. */
  async find(id: string): Promise<DashboardInstance> {
    const found = (await this.#list()).find((instance) => idOf(instance) === id);
    if (found === undefined) throw new HttpError(404, `no instance ${id} runs (any more)`);
    return found;
  }

  async describe(id: string): Promise<InstanceDetails> {
    const instance = await this.find(id);
    const [summary, metadata, breakers, shown] = await Promise.all([
      summaryOf(instance),
      metadataOf(instance),
      breakersOf(instance),
      readShownResources(instance),
    ]);
    return { ...summary, ...shown, ...(metadata && { metadata }), ...(breakers && { breakers }) };
  }
}

function idOf({ httpPort }: DashboardInstance): string {
  return String(httpPort);
}

async function summaryOf(instance: DashboardInstance): Promise<InstanceSummary> {
  const { appId, httpPort, grpcPort, metricsPort, appPort, sidecarPid, appPid, startedAt } = instance;
  return {
    id: idOf(instance),
    appId,
    health: await healthOf(instance),
    httpPort,
    grpcPort,
    metricsPort,
    appPort,
    sidecarPid,
    appPid,
    command: instance.command?.join(' '),
    startedAt,
    logs: (instance.logs ?? []).map(({ name }) => name),
  };
}

async function healthOf(instance: DashboardInstance): Promise<Health> {
  try {
    const { status } = await askSidecar(instance, '/v1.0/healthz');
    return status < 300 ? 'ready' : 'starting';
  } catch {
    return 'gone';
  }
}

async function metadataOf(instance: DashboardInstance): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const { body } = await askWell(instance, '/v1.0/metadata');
    return JSON.parse(body.toString()) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

async function breakersOf(instance: DashboardInstance): Promise<Breaker[] | undefined> {
  const { metricsPort, appId } = instance;
  if (!metricsPort) return undefined;
  try {
    const { status, body } = await askSidecar({ appId, httpPort: metricsPort }, '/metrics');
    return status === 200 ? readBreakers(body.toString()) : undefined;
  } catch {
    return undefined;
  }
}
