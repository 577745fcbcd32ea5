import { ComponentError, defineComponent } from '@outrigger/core';
import { fields } from './fields.ts';

/** Answers `version: v1`, which Dapr takes for the default, so that nobody's v1 tables are taken for empty ones of v2. */
export default defineComponent({
  kind: 'state',
  type: 'state.postgresql',
  version: 'v1',
  description: 'Refuses to load: only version v2 is supported',
  metadata: fields,
  create: () =>
    Promise.reject(
      new ComponentError(
        'unsupported',
        'spec.version: v1 of the PostgreSQL state store is not supported, set `version: v2`. v2 keeps its items in other ' +
          'tables, in another layout: it does not see what v1 has stored, and does not change it',
      ),
    ),
});
