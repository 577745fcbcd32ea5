import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../user-error.ts';
import { writePrivately } from '../write-file.ts';
import type { Instance } from './instance.ts';

/** The instances that run on this machine for this user: a JSON file for each, which is there for as long as it runs. */
export class Registry {
  readonly folder: string;

  /** `home`: {@link homeFolder}. Nothing is created before {@link add}. */
  constructor(home: string) {
    this.folder = join(home, 'instances');
  }

  /** Hands back the file, which whoever ends the instance removes. An instance that is added again replaces what was said of it. */
  add(instance: Instance): string {
    const file = this.fileOf(instance);
    writePrivately(file, `${JSON.stringify(instance, undefined, 2)}\n`);
    return file;
  }

  remove(instance: Pick<Instance, 'appId' | 'sidecarPid'>): void {
    rmSync(this.fileOf(instance), { force: true });
  }

  fileOf({ appId, sidecarPid }: Pick<Instance, 'appId' | 'sidecarPid'>): string {
    return join(this.folder, `${encodeURIComponent(appId)}-${sidecarPid}.json`);
  }

  /** Those that run, by app id and age. The file of one whose sidecar is gone is removed. */
  list(): Instance[] {
    const found = filesIn(this.folder).flatMap((name) => {
      const file = join(this.folder, name);
      const instance = read(file);
      if (instance === undefined) return [];
      if (isRunning(instance.sidecarPid)) return [instance];
      rmSync(file, { force: true });
      return [];
    });
    return found.toSorted((a, b) => a.appId.localeCompare(b.appId) || a.startedAt.localeCompare(b.startedAt));
  }

  /** The youngest instance of an app. */
  find(appId: string): Instance | undefined {
    return this.list().findLast((instance) => instance.appId === appId);
  }
}

/** Whether a process of this user has the id. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** `undefined`: it has been removed meanwhile. Throws a {@link UserError} when it is no instance. */
function read(file: string): Instance | undefined {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (isInstance(found)) return found;
  throw new UserError(`${file} is not what outrigger run writes; remove it`);
}

/** Whether it has what {@link Registry.list} needs of it, written by this version or another. */
function isInstance(value: unknown): value is Instance {
  if (typeof value !== 'object' || value === null) return false;
  const { appId, sidecarPid, startedAt, command } = value as Partial<Record<keyof Instance, unknown>>;
  return (
    typeof appId === 'string' && Number.isInteger(sidecarPid) && typeof startedAt === 'string' && Array.isArray(command)
  );
}
