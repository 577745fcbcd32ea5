import type { ComponentDefinition } from '@outrigger/core';
import pubsub from '@outrigger/pubsub-in-memory';
import inMemory from '@outrigger/state-in-memory';
import sqlite from '@outrigger/state-sqlite';
import { onTestFinished } from 'vitest';

import { inProcessApp } from '../src/app-channel/in-process.ts';
import { createRuntime } from '../src/create-runtime.ts';
import type { Runtime, RuntimeOptions } from '../src/runtime.ts';
import { Folder, LogLines } from './folder.ts';
import { component } from './traced-runtimes.ts';

/** A runtime over a folder of resources that a test changes, with one store, `kept`, that stays. */
export async function world(
  files: Readonly<Record<string, string>>,
  more: readonly ComponentDefinition[] = [],
  options: Partial<RuntimeOptions> = {},
) {
  const folder = new Folder();
  const log = new LogLines();
  folder.file('resources/keep.yaml', component('kept', 'state.in-memory', '[]'));
  for (const [name, text] of Object.entries(files)) folder.file(`resources/${name}`, text);
  const runtime: Runtime = await createRuntime({
    appId: 'app',
    namespace: '',
    resourcesPaths: [`${folder.path}/resources`],
    components: [pubsub, inMemory, sqlite, ...more],
    searchFrom: folder.path,
    env: {},
    logger: log,
    app: inProcessApp({}),
    ...options,
  });
  onTestFinished(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });
  return { folder, log, runtime };
}
