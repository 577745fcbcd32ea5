import type { Command } from 'commander';
import { homeFolder } from '../home.ts';
import type { Instance } from '../instances/instance.ts';
import { Registry } from '../instances/registry.ts';
import { type OutputFormat, outputOption, renderTable, writeResult } from '../output.ts';
import type { CommandContext } from '../program.ts';

/** `outrigger list`: what runs; as JSON or YAML with the names that Dapr's command has. */
export function addList(program: Command, { env }: CommandContext): void {
  program
    .command('list')
    .alias('ls')
    .summary('list the apps that run')
    .description('Lists the apps that outrigger run has started and that still run.')
    .addOption(outputOption())
    .action(({ output }: { output: OutputFormat }) => {
      const instances = new Registry(homeFolder(env)).list();
      writeResult(output, instances.map(listed), () => table(instances));
    });
}

function table(instances: readonly Instance[]): string {
  if (instances.length === 0) return 'No app runs. Start one: outrigger run -a <app id> -- <command>\n';
  return renderTable(
    ['APP ID', 'HTTP PORT', 'GRPC PORT', 'APP PORT', 'COMMAND', 'AGE', 'SIDECAR PID', 'APP PID', 'CLI PID', 'TEMPLATE'],
    instances.map((one) => [
      one.appId,
      one.httpPort,
      one.grpcPort,
      one.appPort,
      shorten(one.command.join(' ')),
      ageOf(one),
      one.sidecarPid,
      one.appPid,
      one.cliPid,
      one.runTemplateName,
    ]),
  );
}

/** As an entry of `dapr list -o json`. */
function listed(one: Instance) {
  return {
    appId: one.appId,
    httpPort: one.httpPort,
    grpcPort: one.grpcPort,
    appPort: one.appPort ?? 0,
    metricsEnabled: one.metricsPort !== undefined,
    metricsPort: one.metricsPort ?? 0,
    command: one.command.join(' '),
    age: ageOf(one),
    created: one.startedAt,
    daprdPid: one.sidecarPid,
    cliPid: one.cliPid,
    appPid: one.appPid ?? 0,
    resourcePaths: one.resourcesPaths,
    runTemplateName: one.runTemplateName ?? '',
    runTemplatePath: one.runTemplatePath ?? '',
    appLogPath: one.appLogPath ?? '',
    daprdLogPath: one.sidecarLogPath ?? '',
  };
}

function shorten(text: string): string {
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}

function ageOf({ startedAt }: Instance): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(startedAt)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
