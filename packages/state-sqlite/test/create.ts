import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, parseMetadata, silentLogger, type StateStore } from '@outrigger/core';
import definition from '../src/index.ts';

/** The component as the engine would make it from YAML. */
export function createStore(
  properties: Readonly<Record<string, string>>,
  logger: Logger = silentLogger,
): Promise<StateStore> {
  const { values, problems, unknown } = parseMetadata(definition.metadata, properties);
  if (problems.length + unknown.length > 0) throw new Error(JSON.stringify({ problems, unknown }));
  const { signal } = new AbortController();
  return definition.create({
    name: 'statestore',
    metadata: values,
    properties,
    appId: 'app',
    namespace: '',
    logger,
    signal,
  });
}

/** A folder of the test's own, gone after it. */
export class TemporaryFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'state-sqlite-'));

  file(name = 'state.db'): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
