import { join, resolve } from 'node:path';
import { homeFolder } from '../home.ts';
import { UserError } from '../user-error.ts';
import type { Instance } from './instance.ts';
import { Registry } from './registry.ts';

/** Where a sidecar serves its HTTP API. */
export interface ApiAddress {
  /** A port of this machine, or a Unix socket. */
  readonly at: { readonly port: number } | { readonly socketPath: string };
  /** With the token of the API, where the environment has one. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a user may say of the sidecar to go through. */
export interface ApiChoice {
  readonly daprHttpPort?: number;
  /** Folder with Unix sockets that are named for their apps. */
  readonly unixDomainSocket?: string;
}

/**
 * The HTTP API of an app's sidecar: the one that was chosen, or the one that runs under `appId`, or, without one, of the only app that
 * runs. Throws a {@link UserError} when there is none.
 */
export function findApi(appId: string | undefined, choice: ApiChoice, env: NodeJS.ProcessEnv): ApiAddress {
  const headers = env['DAPR_API_TOKEN'] ? { 'dapr-api-token': env['DAPR_API_TOKEN'] } : {};
  if (choice.unixDomainSocket !== undefined) {
    if (appId === undefined)
      throw new UserError('--unix-domain-socket needs the id of an app, for which the socket is named');
    return { at: { socketPath: httpSocket(choice.unixDomainSocket, appId) }, headers };
  }
  if (choice.daprHttpPort !== undefined) return { at: { port: choice.daprHttpPort }, headers };
  const running = new Registry(homeFolder(env)).list();
  const ids = new Set(running.map((instance) => instance.appId));
  const others = [...ids].join(', ');
  if (appId === undefined && ids.size > 1)
    throw new UserError(`several apps run; name the one to go through: ${others}`);
  const found = running.findLast((instance) => appId === undefined || instance.appId === appId);
  if (found !== undefined) return { at: httpAddress(found), headers };
  throw new UserError(
    others === ''
      ? `no app runs; start ${appId ?? 'one'} with outrigger run, or name the port of a sidecar: --dapr-http-port`
      : `no app "${appId}" runs; what does: ${others}`,
  );
}

/** Where the sidecar of an app that runs serves its HTTP API. */
export function httpAddress({ appId, httpPort, unixDomainSocket }: Instance): ApiAddress['at'] {
  return unixDomainSocket === undefined ? { port: httpPort } : { socketPath: httpSocket(unixDomainSocket, appId) };
}

/** As Dapr names it. */
function httpSocket(folder: string, appId: string): string {
  return join(resolve(folder), `dapr-${appId}-http.socket`);
}
