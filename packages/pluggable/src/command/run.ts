import { once } from 'node:events';

import { type ComponentDefinition, errorMessage, type LogFields, type Logger } from '@outrigger/core';
import { packageDefinitions } from '@outrigger/runtime';

import { nameOfType, type PluggableServer, servePluggable } from '../serve/serve-pluggable.ts';
import { isPluggableKind } from '../services.ts';
import { type Arguments, parseArguments, usage } from './arguments.ts';

/** The life of the command; resolves to its exit code: 0 after SIGTERM or SIGINT, 1 when it could not start. */
export async function run(args: readonly string[]): Promise<number> {
  const servers: PluggableServer[] = [];
  try {
    const parsed = parseArguments(args);
    if (parsed === undefined) {
      process.stdout.write(usage);
      return 0;
    }
    const logger = lineLogger(parsed.verbose);
    for (const components of groups(await definitionsOf(parsed), parsed)) {
      const { name, folder, socket, mode } = parsed;
      const server = await servePluggable({
        components,
        mode,
        logger,
        ...(name !== undefined && { name }),
        ...(folder !== undefined && { folder }),
        ...(socket !== undefined && { socket }),
      });
      servers.push(server);
      logger.info(`serving ${server.types.join(', ')} on ${server.socket}`);
    }
    await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
    logger.info('stopping: finishing what is in flight');
    // Whoever asks again does not want to wait.
    for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => process.exit(1));
    return 0;
  } catch (error) {
    process.stderr.write(`outrigger-pluggable: ${errorMessage(error)}\n`);
    return 1;
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

async function definitionsOf({ packages, types }: Arguments): Promise<readonly ComponentDefinition[]> {
  const all = await Promise.all(packages.map((name) => packageDefinitions(name, process.cwd())));
  const definitions = all.flat().filter(({ kind }) => isPluggableKind(kind));
  for (const type of types) {
    if (definitions.some((one) => one.type === type)) continue;
    const known = definitions.map((one) => one.type).join(', ') || 'none that a sidecar could use over a socket';
    throw new Error(`the packages hold no ${type}, but ${known}`);
  }
  const wanted = types.length === 0 ? definitions : definitions.filter(({ type }) => types.includes(type));
  if (wanted.length > 0) return wanted;
  throw new Error(`${packages.join(', ')}: no state store, pub/sub, binding or secret store is in there`);
}

/** Definitions that share a socket, since they share a name. */
function groups(definitions: readonly ComponentDefinition[], { name, socket }: Arguments): ComponentDefinition[][] {
  if (name !== undefined || socket !== undefined) return [[...definitions]];
  return [...Map.groupBy(definitions, ({ type }) => nameOfType(type)).values()];
}

function lineLogger(verbose: boolean): Logger {
  const at = (level: string) => (message: string, fields?: LogFields) => {
    const more = fields === undefined ? '' : ` ${JSON.stringify(fields, (_, value: unknown) => shown(value))}`;
    process.stdout.write(`${new Date().toISOString()} ${level} ${message}${more}\n`);
  };
  const debug = verbose ? at('debug') : () => {};
  return {
    isEnabled: (level) => verbose || level !== 'debug',
    debug,
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

function shown(value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
