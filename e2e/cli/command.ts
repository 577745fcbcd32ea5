import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../processes/child.ts';
import { freePorts } from '../processes/ports.ts';

const built = fileURLToPath(new URL('../../node_modules/.bin/outrigger', import.meta.url));

/** What one test's `outrigger` has for itself, so that it sees neither the user's apps nor their resources. */
export interface Homes {
  readonly cwd: string;
  readonly home: string;
  /** Another `outrigger` than the one of this repository. */
  readonly command?: string;
  /** Besides that of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** `outrigger` with its own process, which a test may signal. */
export function start({ cwd, home, command = built, env: more }: Homes, ...args: string[]): Child {
  const env = { ...process.env, ...more, HOME: home, OUTRIGGER_HOME: `${home}/.outrigger`, NO_COLOR: '1' };
  return new Child(process.execPath, [command, ...args], { cwd, env });
}

/** Resolves to what it has written and its exit code. */
export async function outrigger(homes: Homes, ...args: string[]): Promise<{ output: string; code: number | null }> {
  await using child = start(homes, ...args);
  const { code } = await child.exited;
  return { output: child.output, code };
}

/** Gives the apps of a new project ports of their own, as tests run beside each other. */
export async function useFreePorts(project: string): Promise<void> {
  const file = join(project, 'dapr.yaml');
  const [one, two] = await freePorts(2);
  const text = readFileSync(file, 'utf8')
    .replace('appPort: 3001', `appPort: ${one}`)
    .replace('appPort: 3002', `appPort: ${two}`);
  writeFileSync(file, text);
}

/** An app that answers every call with what it got, prints the messages of the topic orders, and ends with the code it is told. */
export const echoApp = `
const { createServer } = require('node:http');
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (part) => (body += part));
  request.on('end', () => {
    if (request.url === '/exit') process.exit(Number(body));
    if (request.url === '/dapr/subscribe') return response.end('[{"pubsubname": "pubsub", "topic": "orders", "route": "/orders"}]');
    if (request.url === '/orders') console.log('ordered', JSON.stringify(JSON.parse(body).data));
    response.statusCode = request.url === '/dapr/config' ? 404 : 200;
    response.end(JSON.stringify({ app: process.env.APP_ID, url: request.url, body }));
  });
});
server.listen(process.env.APP_PORT, '127.0.0.1', () => console.log('serves on', process.env.APP_PORT, 'beside', process.env.DAPR_HTTP_PORT));
`;
