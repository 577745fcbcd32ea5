import { defineComponent } from '@outrigger/core';

import { openConsul } from './open-consul.ts';
import { consulFields } from './settings.ts';

/** `nameresolution.consul`: the catalogue of a HashiCorp Consul agent. */
export default defineComponent({
  kind: 'nameresolution',
  type: 'nameresolution.consul',
  version: 'v1',
  description: 'The catalogue of a HashiCorp Consul agent',
  metadata: consulFields,
  create: ({ metadata }) => openConsul(metadata),
});
