import { defineComponent, field, type NameResolver } from '@outrigger/core';
import { addressesOf } from '@outrigger/dns-client';

import { ServiceName } from './service-name.ts';

/** `nameresolution.kubernetes`: the service that Kubernetes has for each app with a sidecar. */
export default defineComponent({
  kind: 'nameresolution',
  type: 'nameresolution.kubernetes',
  version: 'v1',
  description: 'The service that Kubernetes has for each app with a sidecar',
  metadata: {
    clusterDomain: field.text({ description: 'Domain of the cluster', default: 'cluster.local' }),
    template: field.text({
      description:
        'The host name of an app in place of the usual one; `{{.ID}}`, `{{.Namespace}}` and `{{.Port}}` are filled in',
      example: '{{.ID}}-dapr.{{.Namespace}}.svc.example.org:{{.Port}}',
    }),
  },
  create: async ({ metadata: { clusterDomain, template } }): Promise<NameResolver> => {
    const name = new ServiceName(template ?? `{{.ID}}-dapr.{{.Namespace}}.svc.${clusterDomain}:{{.Port}}`);
    return {
      resolve: async (request, signal) => {
        signal.throwIfAborted();
        const service = name.of(request);
        return service === undefined ? [] : addressesOf(service.host, service.port, signal);
      },
      [Symbol.asyncDispose]: async () => {},
    };
  },
});
