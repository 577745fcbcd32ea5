import { awsFields } from '@outrigger/aws-client';
import { ComponentError, defineComponent, field, type NameResolver } from '@outrigger/core';

/** `nameresolution.aws.cloudmap`: the instances that AWS Cloud Map knows of the service that has the app's id as its name. */
export default defineComponent({
  kind: 'nameresolution',
  type: 'nameresolution.aws.cloudmap',
  version: 'v1',
  description: 'The instances of a service in AWS Cloud Map',
  metadata: {
    ...awsFields,
    namespaceName: field.text({ description: 'Name of the Cloud Map namespace', example: 'shop.local' }),
    namespaceId: field.text({ description: 'Id of the Cloud Map namespace, in place of its name' }),
    defaultDaprPort: field.integer({
      description:
        "Port of the sidecars' internal gRPC server where an instance has no attribute `DAPR_PORT`; default 50002",
      min: 1,
      max: 65_535,
    }),
  },
  create: async ({ metadata, signal }): Promise<NameResolver> => {
    const { defaultDaprPort, namespaceId, namespaceName, ...login } = metadata;
    if (namespaceName === undefined && namespaceId === undefined) {
      throw new ComponentError(
        'invalid-argument',
        'namespaceName is missing (or namespaceId): the Cloud Map namespace of the apps',
      );
    }
    const { CloudMapNameResolver } = await import('./cloud-map-name-resolver.ts');
    return CloudMapNameResolver.open({ login, namespaceName, namespaceId, defaultDaprPort }, signal);
  },
});
