import { abortable, ComponentError } from '@outrigger/core';
import { GrpcClient } from '@outrigger/grpc/client';
import { ServerReflectionDefinition, ServerReflectionV1AlphaDefinition } from '@outrigger/protocol/reflection';

/** Dapr asks for the older one, so every component has it. */
const versions = [ServerReflectionV1AlphaDefinition, ServerReflectionDefinition];

/**
 * The names of the services behind a socket, as server reflection lists them. Rejects with ComponentError: `unavailable` when nobody
 * answers on the socket.
 */
export async function servicesBehind(path: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const client = new GrpcClient({ address: `unix:${path}` });
  try {
    await abortable(client.connected(), signal);
    for (const { fullName, methods } of versions) {
      const { name, requestType, responseType } = methods.serverReflectionInfo;
      const call = client.call(`/${fullName}/${name}`, {});
      const cancel = () => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        call.end(requestType.encode({ host: '', listServices: '*' }).finish());
        const message = await call.read();
        if (message === undefined) {
          signal.throwIfAborted();
          if (call.status.status === 'UNIMPLEMENTED') continue;
          throw new ComponentError('unavailable', `${path} does not list its services: ${call.status.message}`);
        }
        call.ignoreRest();
        const services = responseType.decode(message).listServicesResponse?.service ?? [];
        return new Set(services.map((service) => service.name));
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    }
    throw new ComponentError(
      'unsupported',
      `the process behind ${path} has no server reflection: nobody can tell what it is`,
    );
  } finally {
    client.close();
  }
}
