import type { HttpEndpoint, HttpEndpointResource } from '../resources/http-endpoint-resource.ts';
import type { ValueSource } from '../resources/resource.ts';
import { resolveValues, type ValueOrigins } from './property-values.ts';

/** Fills in the secrets of all HTTPEndpoints. Rejects with a ResourceError that lists every one that cannot be had. */
export function resolveHttpEndpoints(
  resources: readonly HttpEndpointResource[],
  origins: ValueOrigins,
  signal: AbortSignal,
): Promise<HttpEndpoint[]> {
  return Promise.all(
    resources.map(async ({ name, baseUrl, headers, clientTls, secretStore }) => {
      const owner = { resource: `HTTPEndpoint "${name}"`, secretStore };
      const { renegotiation, ...sources } = clientTls ?? {};
      const files = Object.entries<ValueSource>(sources).map(([field, source]) => ({ ...source, name: field }));
      const [headerTexts, tls] = await Promise.all([
        resolveValues(headers, owner, origins, signal),
        resolveValues(files, owner, origins, signal),
      ]);
      return {
        name,
        baseUrl,
        headers: Object.entries(headerTexts).map(([header, value]) => ({ name: header, value })),
        ...(clientTls && { clientTls: { ...tls, ...(renegotiation && { renegotiation }) } }),
      };
    }),
  );
}
