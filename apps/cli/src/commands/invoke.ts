import type { Command } from 'commander';
import { findApi } from '../instances/find-api.ts';
import type { CommandContext } from '../program.ts';
import { UserError } from '../user-error.ts';
import { ask, contentTypeOf, payloadOf, type PayloadOptions, refusalOf } from './payload.ts';
import { parsePort } from './port-option.ts';

interface InvokeOptions extends PayloadOptions {
  readonly appId: string;
  readonly method: string;
  readonly verb: string;
  readonly daprHttpPort?: number;
}

/** `outrigger invoke`: calls a method of an app through its sidecar, and prints the answer. */
export function addInvoke(program: Command, { env }: CommandContext): void {
  program
    .command('invoke')
    .summary('call a method of an app')
    .description('Calls a method of an app through its sidecar and prints what it answers.')
    .requiredOption('-a, --app-id <id>', 'app to call')
    .requiredOption('-m, --method <path>', 'path of the method, with a query where it takes one')
    .option('-d, --data <text>', 'body')
    .option('-f, --data-file <file>', 'file with the body; - for standard input')
    .option('-v, --verb <verb>', 'HTTP verb', 'POST')
    .option('-H, --dapr-http-port <port>', 'port of a sidecar to go through, in place of the one of the app', parsePort)
    .action(async (options: InvokeOptions) => {
      const { url, headers } = findApi(options.appId, options.daprHttpPort, env);
      const body = payloadOf(options);
      const path = options.method.replace(/^\/+/, '');
      const response = await ask(`${url}/v1.0/invoke/${encodeURIComponent(options.appId)}/method/${path}`, {
        method: options.verb.toUpperCase(),
        headers: { ...headers, ...(body && { 'content-type': contentTypeOf(body) }) },
        ...(body && { body }),
      });
      if (!response.ok) throw new UserError(`${options.appId} answers ${await refusalOf(response)}`);
      const answer = Buffer.from(await response.arrayBuffer());
      process.stdout.write(answer);
      if (answer.length > 0 && process.stdout.isTTY) process.stdout.write('\n');
    });
}
