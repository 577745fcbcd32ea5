import { randomUUID } from 'node:crypto';

import { requireBackend } from '@outrigger/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Child } from '../processes/child.ts';
import { freePorts } from '../processes/ports.ts';
import { Sidecar } from '../processes/sidecar.ts';
import { configFile, Workspace } from '../processes/workspace.ts';
import { checksOf, type Language } from './checks.ts';
import { type Program, programsOf } from './programs.ts';
import { ReportingProgram } from './reports.ts';
import { writeResources } from './resources.ts';

const names = { python: 'Python', go: 'Go', java: 'Java' };

/**
 * Two apps and a client, all three written with a language's official SDK, against built sidecars: `orders` speaks gRPC,
 * `inventory` HTTP, and the client goes through the sidecar of `orders` and, as far as calls between apps go, through the
 * other one. Each check that the client runs is a test here.
 */
export function officialSdkSuite(language: Language, backend: 'memory' | 'redis'): void {
  const variable = `OUTRIGGER_TEST_${language.toUpperCase()}`;
  requireBackend(variable, `eval "$(e2e/toolchains.sh ${language})"`, (folder) => {
    describe(`the official ${names[language]} SDK, on ${backend}`, () => {
      const programs = programsOf(language, folder);
      const checks = checksOf(language, backend).map(({ block, check }) => ({
        block,
        check,
        name: `${block}: ${check}`,
      }));
      const workspace = new Workspace();
      const stack = new AsyncDisposableStack();
      // fresh topics and keys, so that a shared server's leftovers do not matter
      const run = randomUUID().slice(0, 8);
      let orders: Sidecar;
      let client: ReportingProgram;
      let startClient: (checks: readonly string[]) => ReportingProgram;

      beforeAll(async () => {
        const [ordersPort = 0, inventoryPort = 0] = await freePorts(2);
        const [resourcesPath = '', ...more] = writeResources(workspace, backend, run);
        // In memory behind tokens, and found by other variables; with Redis without: the Python SDK sends no token when it
        // subscribes to configuration.
        const tokens = backend === 'memory' ? { DAPR_API_TOKEN: `api-${run}`, APP_API_TOKEN: `app-${run}` } : {};
        const start = async (name: string, program: Program, port: number, args: string[]): Promise<Sidecar> => {
          const [command, ...rest] = program;
          const app = new Child(command, rest, {
            env: { ...process.env, ...tokens, APP_PORT: String(port), E2E_RUN: run },
          });
          stack.use(app);
          const sidecar = await Sidecar.start({
            appId: `${name}-${run}`,
            appPort: port,
            resourcesPath,
            config: configFile,
            env: { ...workspace.env, ...tokens },
            args: [...more.flatMap((path) => ['--resources-path', path]), ...args],
          }).catch((error: unknown) => {
            throw new Error(`${String(error)}\nthe app:\n${app.output}`);
          });
          return stack.use(sidecar);
        };
        const inventory = start('inventory', programs.web, inventoryPort, []);
        orders = await start('orders', programs.app, ordersPort, ['--app-protocol', 'grpc']);
        const [command, ...args] = programs.client;
        const { httpPort, grpcPort } = await inventory;
        startClient = (names) => {
          const env = {
            ...process.env,
            ...tokens,
            DAPR_HTTP_PORT: String(orders.httpPort),
            DAPR_GRPC_PORT: String(orders.grpcPort),
            ...(backend === 'memory' && {
              DAPR_HTTP_ENDPOINT: `http://127.0.0.1:${orders.httpPort}`,
              DAPR_GRPC_ENDPOINT: `http://127.0.0.1:${orders.grpcPort}`,
            }),
            E2E_OTHER_HTTP_PORT: String(httpPort),
            E2E_OTHER_GRPC_PORT: String(grpcPort),
            E2E_RUN: run,
            E2E_CHECKS: JSON.stringify(names),
          };
          return stack.use(new ReportingProgram(command, args, { env }));
        };
        client = startClient(checks.map(({ name }) => name));
      });

      afterAll(async () => {
        await stack.disposeAsync();
        workspace[Symbol.dispose]();
      });

      it.for(checks)('$block: $check', async ({ name }, { task }) => {
        // what failed is run again by a client of its own: the first one has gone on
        const runner = task.result?.retryCount ? startClient([name]) : client;
        const before = { client: runner === client ? client.output.length : 0, orders: orders.output.length };
        try {
          await runner.holds(name, 40_000);
        } catch (error) {
          throw new Error(
            `${error instanceof Error ? error.message : String(error)}\n` +
              `the client, meanwhile:\n${runner.output.slice(before.client)}\n` +
              `its sidecar, meanwhile:\n${orders.output.slice(before.orders)}`,
            { cause: error },
          );
        }
      });

      it('the sidecar that was asked to end, and the client, end without an error', async () => {
        expect(await orders.exited).toEqual({ code: 0, signal: null });
        expect(await client.exited).toEqual({ code: 0, signal: null });
      });
    });
  });
}
