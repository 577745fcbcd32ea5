import { configurationRoutes } from '../blocks/configuration/http.ts';
import { bindingRoutes } from '../blocks/bindings/http.ts';
import { healthRoutes } from '../blocks/health/http.ts';
import { invokeRoutes } from '../blocks/invoke/http.ts';
import { lockRoutes } from '../blocks/lock/http.ts';
import { metadataRoutes } from '../blocks/metadata/http.ts';
import { pubsubRoutes } from '../blocks/pubsub/http.ts';
import { secretRoutes } from '../blocks/secrets/http.ts';
import { shutdownRoutes } from '../blocks/shutdown/http.ts';
import { stateRoutes } from '../blocks/state/http.ts';
import type { Route } from '../http/route.ts';
import type { Api } from './api.ts';

export interface HttpApi {
  readonly routes: readonly Route[];
  /** What `--dapr-public-port` serves: reading metadata, and health. */
  readonly publicRoutes: readonly Route[];
}

/** Every route of the HTTP API. */
export function httpApi({ runtime, metadata, health, control }: Api): HttpApi {
  const metadataApi = metadataRoutes(metadata);
  const healthApi = healthRoutes(health);
  return {
    routes: [
      ...stateRoutes(runtime),
      ...pubsubRoutes(runtime.pubsub),
      ...secretRoutes(runtime),
      ...configurationRoutes(runtime),
      ...lockRoutes(runtime),
      ...bindingRoutes(runtime.bindings),
      ...invokeRoutes(runtime.invocation),
      ...metadataApi,
      ...healthApi,
      ...shutdownRoutes(control),
    ],
    publicRoutes: [...metadataApi.filter((route) => route.methods.includes('GET')), ...healthApi],
  };
}
