import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { errorMessage } from '@outrigger/core';
import type { Command } from 'commander';
import { askApi, isSuccess, refusalOf } from '../instances/ask-api.ts';
import { type ApiChoice, findApi } from '../instances/find-api.ts';
import { type OutputFormat, outputOption, writeResult } from '../output.ts';
import type { CommandContext } from '../program.ts';
import { withProgress } from '../progress.ts';
import { UserError } from '../user-error.ts';
import { contentTypeOf, payloadOf, type PayloadOptions } from './payload.ts';
import { parsePort } from './port-option.ts';

interface InvokeOptions extends PayloadOptions, ApiChoice {
  readonly appId: string;
  readonly method: string;
  readonly verb: string;
  readonly output: OutputFormat;
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
    .addOption(outputOption('how to show it; a table is the answer as it comes'))
    .action(async (options: InvokeOptions) => {
      const { appId, method, verb, output } = options;
      const api = findApi(appId, options, env);
      const body = payloadOf(options);
      const path = `/v1.0/invoke/${encodeURIComponent(appId)}/method/${method.replace(/^\/+/, '')}`;
      const headers = body && { 'content-type': contentTypeOf(body) };
      const asked = askApi(api, { method: verb, path, body, ...(headers && { headers }) });
      const answer = await withProgress(`waiting for ${appId}`, asked);
      if (!isSuccess(answer)) throw new UserError(`${appId} answers ${await refusalOf(answer)}`);
      try {
        if (output === 'table') await print(answer);
        else writeResult(output, { appId, method, ...(await answered(answer)) }, String);
      } catch (error) {
        throw new UserError(`the answer of ${appId} broke off: ${errorMessage(error)}`, { cause: error });
      }
    });
}

/** The whole answer: `data` where it is JSON or a text, else `dataBase64`. */
async function answered(answer: IncomingMessage) {
  const { statusCode: status, headers } = answer;
  const contentType = headers['content-type'] ?? '';
  const body = await buffer(answer);
  return { status, contentType, ...dataOf(body, contentType) };
}

function dataOf(body: Buffer, contentType: string): { data: unknown } | { dataBase64: string } {
  if (!isUtf8(body)) return { dataBase64: body.toString('base64') };
  const text = body.toString();
  if (!/^application\/([^;]+\+)?json\b/i.test(contentType)) return { data: text };
  try {
    return { data: JSON.parse(text) };
  } catch {
    // it only calls itself JSON
    return { data: text };
  }
}

/** As it comes: an answer may be a stream of events. */
async function print(answer: IncomingMessage): Promise<void> {
  let last: Buffer | undefined;
  for await (const part of answer as AsyncIterable<Buffer>) {
    last = part;
    if (!process.stdout.write(part)) await once(process.stdout, 'drain');
  }
  if (last !== undefined && last.at(-1) !== 0x0a && process.stdout.isTTY) process.stdout.write('\n');
}
