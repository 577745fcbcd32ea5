import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { LogFields, Logger } from '@outrigger/core';

/** A folder for one test: YAML as a user writes it, and packages as npm installs them. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'outrigger-runtime-'));

  /** Writes a file below the folder and hands back its path. */
  file(name: string, content: string): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** Installs a package below `node_modules`; `files` are its modules. */
  install(name: string, manifest: object, files: Readonly<Record<string, string>> = {}, below = ''): string {
    const folder = join(below, 'node_modules', name);
    for (const [file, content] of Object.entries(files)) this.file(join(folder, file), content);
    this.file(
      join(folder, 'package.json'),
      JSON.stringify({ name, version: '1.0.0', type: 'module', exports: './index.js', ...manifest }),
    );
    return join(this.path, folder);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The source of a module whose default export is a component definition; it needs no installed core. */
export function definitionSource(fields: string): string {
  return `export default {
    version: 'v1', metadata: {}, ${fields},
    [Symbol.for('outrigger.ComponentDefinition')]: 1,
  };\n`;
}

/** A logger whose lines a test reads. */
export class LogLines implements Logger {
  readonly lines: string[] = [];

  isEnabled(): boolean {
    return true;
  }

  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }

  info(message: string, fields?: LogFields): void {
    this.lines.push(`info ${message}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`);
  }

  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }

  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}
