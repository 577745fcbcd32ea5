import { type HttpInstanceSummary, ServiceDiscovery } from '@aws-sdk/client-servicediscovery';
import { awsAccess, awsClientOptions, awsError, type AwsLogin, isMissing } from '@outrigger/aws-client';
import { ComponentError, type NameResolver, type ResolveRequest } from '@outrigger/core';

export interface CloudMapOptions {
  readonly login: AwsLogin;
  readonly namespaceName: string | undefined;
  readonly namespaceId: string | undefined;
  readonly defaultDaprPort: number | undefined;
}

/** Asks Cloud Map for the healthy instances of a service. Who runs the apps registers them there. */
export class CloudMapNameResolver implements NameResolver {
  readonly #client: ServiceDiscovery;
  readonly #namespace: string;
  readonly #defaultPort: number | undefined;
  #isClosed = false;

  private constructor(client: ServiceDiscovery, namespace: string, defaultPort: number | undefined) {
    this.#client = client;
    this.#namespace = namespace;
    this.#defaultPort = defaultPort;
  }

  /** Rejects when the namespace of that id is not to be had. */
  static async open(options: CloudMapOptions, signal: AbortSignal): Promise<CloudMapNameResolver> {
    const access = awsAccess(options.login);
    // instances are asked for at a host of their own, which nothing that stands in for AWS has
    const disableHostPrefix = access.endpoint !== undefined;
    const client = new ServiceDiscovery({ ...awsClientOptions(access), disableHostPrefix });
    try {
      const name = options.namespaceName ?? (await nameOf(client, options.namespaceId ?? '', signal));
      return new CloudMapNameResolver(client, name, options.defaultDaprPort);
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  async resolve({ appId, port }: ResolveRequest, signal: AbortSignal): Promise<readonly string[]> {
    if (this.#isClosed) throw new ComponentError('unavailable', 'the name resolver is closed');
    signal.throwIfAborted();
    try {
      const { Instances = [] } = await this.#client.discoverInstances(
        { NamespaceName: this.#namespace, ServiceName: appId, HealthStatus: 'HEALTHY' },
        { abortSignal: signal },
      );
      return Instances.flatMap((instance) => addressOf(instance, this.#defaultPort ?? port) ?? []);
    } catch (error) {
      signal.throwIfAborted();
      // an app that nobody has registered
      if (isMissing(error) || (error instanceof Error && error.name === 'ServiceNotFound')) return [];
      throw awsError(error, `looking for "${appId}" in Cloud Map`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#client.destroy();
  }
}

async function nameOf(client: ServiceDiscovery, id: string, signal: AbortSignal): Promise<string> {
  try {
    const { Namespace } = await client.getNamespace({ Id: id }, { abortSignal: signal });
    if (Namespace?.Name) return Namespace.Name;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error && error.name === 'NamespaceNotFound')) {
      throw awsError(error, `looking for the namespace "${id}" in Cloud Map`);
    }
  }
  throw new ComponentError('invalid-argument', `namespaceId: Cloud Map has no namespace "${id}"`);
}

function addressOf({ Attributes = {} }: HttpInstanceSummary, usualPort: number): string | undefined {
  const { AWS_INSTANCE_CNAME: name, AWS_INSTANCE_IPV4: v4, AWS_INSTANCE_IPV6: v6, DAPR_PORT: port } = Attributes;
  const host = v4 ?? (v6 === undefined ? name : `[${v6}]`);
  return host === undefined ? undefined : `${host}:${port && /^\d+$/.test(port) ? port : usualPort}`;
}
