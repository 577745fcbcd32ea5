import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where the command keeps what outlives it: `OUTRIGGER_HOME`, default `~/.outrigger`. */
export function homeFolder(env: NodeJS.ProcessEnv): string {
  return env['OUTRIGGER_HOME'] ? resolve(env['OUTRIGGER_HOME']) : join(env['HOME'] ?? homedir(), '.outrigger');
}
