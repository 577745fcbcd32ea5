import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type OutputFormat, outputOption, writeResult } from '../output.ts';
import { UserError } from '../user-error.ts';
import { type CliManifest, projectFiles } from './project-files.ts';

/** `outrigger init`: a small project to begin with. */
export function addInit(program: Command, cli: CliManifest): void {
  program
    .command('init [folder]')
    .summary('make a small project to begin with')
    .description(
      'Makes a project of two apps that call each other, publish and keep state, on SQLite. The folder has to be new or empty.',
    )
    .addOption(outputOption())
    .action((given: string = '.', { output }: { output: OutputFormat }) => {
      const folder = resolve(given);
      if (existsSync(folder) && !statSync(folder).isDirectory()) {
        throw new UserError(`${given} is a file; name a new folder: outrigger init my-project`);
      }
      if (existsSync(folder) && readdirSync(folder).length > 0) {
        throw new UserError(
          `${given === '.' ? 'this folder' : `the folder ${given}`} is not empty; name a new one: outrigger init my-project`,
        );
      }
      const files = projectFiles(basename(folder), cli);
      for (const [name, text] of files) {
        const file = join(folder, name);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      const next = `${given === '.' ? '' : `cd ${given} && `}npm install && npm start`;
      writeResult(output, { folder, files: [...files.keys()], next }, () => `made ${folder}\nnext: ${next}\n`);
    });
}
