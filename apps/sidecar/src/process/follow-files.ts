import type { Logger } from '@outrigger/core';
import type { Runtime } from '@outrigger/runtime';

import { FileWatcher } from './file-watcher.ts';
import type { Flags } from './flag-table.ts';

type Reloadable = Pick<Runtime, 'reloadConfiguration' | 'reloadResources'>;

/** Applies changed resources and Configurations until disposal. */
export function followFiles(runtime: Reloadable, flags: Flags, logger: Logger): Disposable {
  const common = { reconcileInterval: flags['hot-reload-reconcile-interval'], logger };
  const watchers = [
    new FileWatcher({
      ...common,
      folders: flags['resources-path'],
      what: 'resources',
      onChange: (signal) => runtime.reloadResources(signal),
    }),
    new FileWatcher({
      ...common,
      files: flags.config,
      what: 'Configuration',
      onChange: (signal) => runtime.reloadConfiguration(signal),
    }),
  ];
  return {
    [Symbol.dispose]: () => {
      for (const watcher of watchers) watcher[Symbol.dispose]();
    },
  };
}
