import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePrivately } from '../write-file.ts';

/** Resources that need nothing installed and no server: SQLite files that all apps of this user share. */
export interface EmbeddedDefaults {
  readonly resourcesPath: string;
  readonly configPath: string;
  /** Folders of the packages with their components. */
  readonly packages: readonly string[];
}

const packages = ['@outrigger/state-sqlite', '@outrigger/pubsub-sqlite', '@outrigger/nameresolution-sqlite'];

/** Writes them below the home folder, where they are not there yet or differ. The data lies beside them and stays. */
export function embeddedDefaults(home: string): EmbeddedDefaults {
  const folder = join(home, 'defaults');
  const resourcesPath = join(folder, 'resources');
  const configPath = join(folder, 'config.yaml');
  const database = (name: string) => JSON.stringify(join(folder, `${name}.db`));
  writeWhereNew(join(resourcesPath, 'statestore.yaml'), component('statestore', 'state.sqlite', database('state')));
  writeWhereNew(join(resourcesPath, 'pubsub.yaml'), component('pubsub', 'pubsub.sqlite', database('messages')));
  writeWhereNew(configPath, configuration(database('names')));
  return { resourcesPath, configPath, packages: packages.map(folderOf) };
}

function folderOf(name: string): string {
  return fileURLToPath(new URL('.', import.meta.resolve(`${name}/package.json`)));
}

/** Several commands may start at the same time, and a sidecar may be reading. */
function writeWhereNew(file: string, text: string): void {
  try {
    if (readFileSync(file, 'utf8') === text) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  writePrivately(file, text);
}

function component(name: string, type: string, connectionString: string): string {
  return `# Written by outrigger run, for apps that are run without resources of their own.
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: ${name}
spec:
  type: ${type}
  version: v1
  metadata:
    - name: connectionString
      value: ${connectionString}
`;
}

function configuration(connectionString: string): string {
  return `# Written by outrigger run, for apps that are run without a Configuration of their own.
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: outrigger
spec:
  nameResolution:
    component: sqlite
    version: v1
    configuration:
      connectionString: ${connectionString}
`;
}
