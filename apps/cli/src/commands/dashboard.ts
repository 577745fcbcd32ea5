import type { Command } from 'commander';
import { openDashboard } from '../dashboard/open-dashboard.ts';
import { homeFolder } from '../home.ts';
import { type OutputFormat, outputOption, writeResult } from '../output.ts';
import type { CommandContext } from '../program.ts';
import { parsePort } from './port-option.ts';

/** `outrigger dashboard`: a web page of all that runs, until Ctrl-C. */
export function addDashboard(program: Command, { env }: CommandContext): void {
  program
    .command('dashboard')
    .summary('serve a web page that shows what runs')
    .description(
      'Serves a web page with the apps that run: health, components, messages, state, logs, traces. On this machine alone, for whoever has the address.',
    )
    .option('-p, --port <port>', 'port of the page; free when not given', parsePort)
    .addOption(outputOption())
    .action(async ({ port, output }: { port?: number; output: OutputFormat }) => {
      await using dashboard = await openDashboard({ home: homeFolder(env), env, port });
      const { url, otlpEndpoint } = dashboard;
      writeResult(
        output,
        { url, otlpEndpoint },
        () =>
          `dashboard: ${url}\ntraces are taken at ${otlpEndpoint} (OTEL_EXPORTER_OTLP_ENDPOINT)\nEnd it with Ctrl-C.\n`,
      );
      await userStop();
    });
}

function userStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
