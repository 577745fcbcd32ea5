import { createRequire } from 'node:module';
import type { Command } from 'commander';
import { type OutputFormat, outputOption, renderTable, writeResult } from '../output.ts';

/** `outrigger version`: of all that a report of a bug should name. */
export function addVersion(program: Command, cli: string): void {
  program
    .command('version')
    .description(
      'Prints the versions of this command, of the sidecars it starts, of the Dapr API that they speak, and of Node.js.',
    )
    .addOption(outputOption())
    .action(async ({ output }: { output: OutputFormat }) => {
      const { apiVersion } = await import('@outrigger/sidecar');
      const manifest = createRequire(import.meta.url)('@outrigger/sidecar/package.json') as {
        readonly version: string;
      };
      const versions = { cli, sidecar: manifest.version, dapr: apiVersion, node: process.versions.node };
      writeResult(output, versions, () => renderTable(['PART', 'VERSION'], Object.entries(versions)));
    });
}
