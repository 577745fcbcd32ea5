import { defineComponent } from '@outrigger/core';
import { fields } from './fields.ts';
import { HttpBinding } from './http-binding.ts';
import { tlsOptions } from './tls-options.ts';

export default defineComponent({
  kind: 'bindings',
  type: 'bindings.http',
  version: 'v1',
  description: 'Calls an HTTP endpoint',
  metadata: fields,
  create: async ({ name, metadata, logger, signal }) =>
    new HttpBinding({ name, metadata, tls: await tlsOptions(metadata, signal), logger }),
});
