import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { errorMessage } from '@outrigger/core';
import type { Command } from 'commander';
import { askApi, isSuccess, refusalOf } from '../instances/ask-api.ts';
import { type ApiChoice, findApi } from '../instances/find-api.ts';
import type { CommandContext } from '../program.ts';
import { withProgress } from '../progress.ts';
import { UserError } from '../user-error.ts';
import { contentTypeOf, payloadOf, type PayloadOptions } from './payload.ts';
import { parsePort } from './port-option.ts';

interface InvokeOptions extends PayloadOptions, ApiChoice {
  readonly appId: string;
  readonly method: string;
  readonly verb: string;
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
    .option('-u, --unix-domain-socket <folder>', 'folder with the Unix socket of the sidecar, in place of a port')
    .action(async (options: InvokeOptions) => {
      const { appId, method, verb } = options;
      const api = findApi(appId, options, env);
      const body = payloadOf(options);
      const path = `/v1.0/invoke/${encodeURIComponent(appId)}/method/${method.replace(/^\/+/, '')}`;
      const headers = body && { 'content-type': contentTypeOf(body) };
      const asked = askApi(api, { method: verb, path, body, ...(headers && { headers }) });
      const answer = await withProgress(`waiting for ${appId}`, asked);
      if (!isSuccess(answer)) throw new UserError(`${appId} answers ${await refusalOf(answer)}`);
      await print(answer, appId);
    });
}

/** As it comes: an answer may be a stream of events. */
async function print(answer: IncomingMessage, appId: string): Promise<void> {
  let last: Buffer | undefined;
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      last = part;
      if (!process.stdout.write(part)) await once(process.stdout, 'drain');
    }
  } catch (error) {
    throw new UserError(`the answer of ${appId} broke off: ${errorMessage(error)}`, { cause: error });
  }
  if (last !== undefined && last.at(-1) !== 0x0a && process.stdout.isTTY) process.stdout.write('\n');
}
