import { defineComponent } from '@outrigger/core';

import { openConsul } from './open-consul.ts';
import { consulFields } from './settings.ts';

/** `nameresolution.hashicorp.consul`, the newer name of `nameresolution.consul`. */
export default defineComponent({
  kind: 'nameresolution',
  type: 'nameresolution.hashicorp.consul',
  version: 'v1',
  description: 'The catalogue of a HashiCorp Consul agent',
  metadata: consulFields,
  create: ({ metadata }) => openConsul(metadata),
});
