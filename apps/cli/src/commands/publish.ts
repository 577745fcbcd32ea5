import { json } from 'node:stream/consumers';
import type { Command } from 'commander';
import { askApi, isSuccess, refusalOf } from '../instances/ask-api.ts';
import { type ApiAddress, type ApiChoice, findApi } from '../instances/find-api.ts';
import { type OutputFormat, outputOption, writeResult } from '../output.ts';
import type { CommandContext } from '../program.ts';
import { withProgress } from '../progress.ts';
import { UserError } from '../user-error.ts';
import { contentTypeOf, payloadOf, type PayloadOptions } from './payload.ts';
import { parsePort } from './port-option.ts';

interface PublishOptions extends PayloadOptions, ApiChoice {
  readonly publishAppId?: string;
  readonly pubsub: string;
  readonly topic: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly output: OutputFormat;
}

/** `outrigger publish`: publishes one message to a topic through the sidecar of an app. */
export function addPublish(program: Command, { env }: CommandContext): void {
  program
    .command('publish')
    .summary('publish a message to a topic')
    .description('Publishes a message to a topic, as an app that runs would. A CloudEvent in JSON is taken as it is.')
    .option('-i, --publish-app-id <id>', 'app whose sidecar publishes; not needed where one app runs')
    .requiredOption('-p, --pubsub <name>', 'name of the pub/sub component')
    .requiredOption('-t, --topic <topic>', 'topic')
    .option('-d, --data <text>', 'the message')
    .option('-f, --data-file <file>', 'file with the message; - for standard input')
    .option('-m, --metadata <json>', 'metadata, as {"ttlInSeconds": "60"}', parseMetadata)
    .option('-H, --dapr-http-port <port>', 'port of a sidecar', parsePort)
    .option('-u, --unix-domain-socket <folder>', 'folder with the Unix socket of the sidecar, in place of a port')
    .addOption(outputOption())
    .action(async (options: PublishOptions) => {
      const { pubsub, topic, metadata = {}, output } = options;
      const api = findApi(options.publishAppId, options, env);
      const body = payloadOf(options);
      const query = new URLSearchParams(
        Object.entries(metadata).map(([name, value]): [string, string] => [`metadata.${name}`, String(value)]),
      );
      const path = `/v1.0/publish/${encodeURIComponent(pubsub)}/${encodeURIComponent(topic)}`;
      const headers = body && {
        'content-type': isCloudEvent(body) ? 'application/cloudevents+json' : contentTypeOf(body),
      };
      const asked = askApi(api, {
        method: 'POST',
        path: query.size > 0 ? `${path}?${query.toString()}` : path,
        body,
        ...(headers && { headers }),
      });
      const answer = await withProgress(`publishing to ${topic}`, asked);
      if (!isSuccess(answer)) {
        const reason = await refusalOf(answer);
        const hint = reason.includes('ERR_PUBSUB_NOT_FOUND') ? await brokersOf(api) : '';
        throw new UserError(`cannot publish to ${topic}: ${reason}${hint}`);
      }
      const contentType = headers?.['content-type'] ?? '';
      writeResult(output, { pubsub, topic, contentType }, () => `published to ${topic} of ${pubsub}\n`);
    });
}

/** What there is instead, as the end of a message. */
async function brokersOf(api: ApiAddress): Promise<string> {
  const answer = await askApi(api, { method: 'GET', path: '/v1.0/metadata' });
  if (!isSuccess(answer)) return '';
  const { components = [] } = (await json(answer)) as { readonly components?: readonly Record<string, unknown>[] };
  const names = components.filter(({ type }) => String(type).startsWith('pubsub.')).map(({ name }) => String(name));
  return names.length === 0 ? '; it has no pub/sub component' : `; it has: ${names.join(', ')}`;
}

/** Whether it has what Dapr's command asks of one. */
function isCloudEvent(payload: Buffer): boolean {
  if (contentTypeOf(payload) !== 'application/json') return false;
  const value = JSON.parse(payload.toString()) as unknown;
  const names = ['id', 'source', 'specversion', 'type', 'data'];
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}

function parseMetadata(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new UserError(`--metadata has to be a JSON object, such as '{"ttlInSeconds": "60"}'; it is ${text}`);
}
