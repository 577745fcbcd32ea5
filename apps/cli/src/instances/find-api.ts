import { homeFolder } from '../home.ts';
import { UserError } from '../user-error.ts';
import { Registry } from './registry.ts';

export interface ApiAddress {
  readonly url: string;
  /** With the token of the API, where the environment has one. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The HTTP API of an app's sidecar: the one that runs under `appId`, or the one on `httpPort`. Throws a {@link UserError} when there is none. */
export function findApi(appId: string | undefined, httpPort: number | undefined, env: NodeJS.ProcessEnv): ApiAddress {
  const headers = env['DAPR_API_TOKEN'] ? { 'dapr-api-token': env['DAPR_API_TOKEN'] } : {};
  if (httpPort !== undefined) return { url: `http://127.0.0.1:${httpPort}`, headers };
  const registry = new Registry(homeFolder(env));
  const running = registry.list();
  const found = appId === undefined ? running.at(-1) : running.findLast((instance) => instance.appId === appId);
  if (found !== undefined) return { url: `http://127.0.0.1:${found.httpPort}`, headers };
  const others = running.map((instance) => instance.appId).join(', ');
  throw new UserError(
    others === ''
      ? `no app runs; start ${appId ?? 'one'} with outrigger run, or name the port of a sidecar: --dapr-http-port`
      : `no app "${appId}" runs; what does: ${others}`,
  );
}
