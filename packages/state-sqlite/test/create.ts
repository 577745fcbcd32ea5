import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openComponent } from '@outrigger/conformance';
import type { Logger, StateStore } from '@outrigger/core';
import definition from '../src/index.ts';

/** The component as the engine would make it from YAML. */
export function createStore(properties: Readonly<Record<string, string>>, logger?: Logger): Promise<StateStore> {
  return openComponent(definition, properties, logger && { logger });
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
