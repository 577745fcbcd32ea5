import { bindingsConformance } from '@outrigger/conformance/bindings';
import { parseMetadata, silentLogger } from '@outrigger/core';
import definition from '../src/index.ts';

const { signal } = new AbortController();
const properties = { schedule: '@every 20ms' };

bindingsConformance(
  () =>
    definition.create({
      name: 'clock',
      metadata: parseMetadata(definition.metadata, properties).values,
      properties,
      appId: 'app',
      namespace: '',
      logger: silentLogger,
      signal,
    }),
  { forgets: true },
);
