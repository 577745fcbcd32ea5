import { defineComponent, type NameResolver } from '@outrigger/core';
import { MdnsNameResolver } from './mdns-name-resolver.ts';

/** `nameresolution.mdns`: sidecars of one machine or network find each other by multicast DNS, without anything to configure. */
export default defineComponent({
  kind: 'nameresolution',
  type: 'nameresolution.mdns',
  version: 'v1',
  description: 'Sidecars of one machine or network find each other by multicast DNS',
  metadata: {},
  // no socket is opened before the first registration or question, so there is nothing to wait for
  create: async ({ logger }): Promise<NameResolver> => new MdnsNameResolver({ logger }),
});
