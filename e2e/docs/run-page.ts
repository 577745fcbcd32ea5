import { globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { missingOutput, notYetSeen } from './output.ts';
import type { Block, Page } from './page.ts';
import { PagePorts } from './ports.ts';
import { Terminal } from './terminal.ts';
import { lacking, layOutLanguage, prepareTools, root } from './tools.ts';

/** What came of the blocks of a page. Each counts once. */
export interface PageReport {
  /** Executed, written and used, or shown by what was executed. */
  run: number;
  /** The words of a file that other tests run. */
  excerpts: number;
  /** Not run, with the page's reason. */
  excused: number;
  /** Not run, because this machine lacks a toolchain. */
  skipped: number;
}

const notes = /^(not run: .{8,}|stays open|fails|seen above|excerpt of \S+)$/;
const commandMs = 120_000;

/** Walks a page from top to bottom in an empty folder. Rejects, with the page's line, at the first block that is not as the page says. */
export async function runPage(page: Page): Promise<PageReport> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'outrigger-docs-')));
  try {
    const run = new PageRun(page, folder, await PagePorts.choose());
    await using _ = run;
    for (const item of page.items) await run.item(item);
    run.checkFilesAreUsed();
    return run.report;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

class PageRun implements AsyncDisposable {
  readonly report: PageReport = { run: 0, excerpts: 0, excused: 0, skipped: 0 };
  readonly #page: Page;
  readonly #ports: PagePorts;
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;
  /** Where the next command runs: `cd` lasts, as in a terminal. */
  #cwd: string;
  readonly #open: Terminal[] = [];
  /** Of the last command, which a block of text after it shows. */
  #last: { readonly terminal: Terminal; readonly block: Block } | 'skipped' | undefined;
  readonly #files: { readonly block: Block; readonly path: string }[] = [];
  /** All that has been typed and written, in which files are named. */
  readonly #texts: { readonly block: Block; readonly text: string }[] = [];

  constructor(page: Page, folder: string, ports: PagePorts) {
    this.#page = page;
    this.#ports = ports;
    this.#cwd = join(folder, 'work');
    this.#folder = folder;
    mkdirSync(this.#cwd);
    this.#env = prepareTools(join(folder, 'home'), ports, page.items.includes('packages are packed'));
  }

  async item(item: Block | string): Promise<void> {
    if (typeof item === 'string') {
      if (item.startsWith('in ')) this.#enter(item.slice('in '.length));
      if (item === 'Ctrl-C') await this.#open.pop()?.[Symbol.asyncDispose]();
      return;
    }
    try {
      await this.#block(item);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const terminals = this.#open.map(({ output }) => output.slice(-3000)).join('\n---\n');
      throw new Error(`${this.#page.path}:${item.line}: ${message}\n${terminals}`, { cause: error });
    }
  }

  async #block(block: Block): Promise<void> {
    const { language, file } = block;
    const unknown = block.notes.find((note) => !notes.test(note));
    if (unknown !== undefined) throw new Error(`"test: ${unknown}" says nothing that the runner knows`);
    const excerpt = block.notes.find((note) => note.startsWith('excerpt of '))?.slice('excerpt of '.length);
    if (block.notes.some((note) => note.startsWith('not run: '))) this.report.excused++;
    else if (excerpt !== undefined) this.#compareExcerpt(block, excerpt);
    else if (language === 'sh') await this.#command(block);
    else if (block.notes.includes('seen above') && this.#last === 'skipped') this.report.skipped++;
    else if (block.notes.includes('seen above')) await this.#seen(block, this.#terminal());
    else if (file !== undefined) this.#write(block, file);
    else if (language === 'text' || language === 'json') await this.#shown(block);
    else throw new Error('this block is neither run nor excused: name its file before it, or say "not run: " and why');
  }

  async #command(block: Block): Promise<void> {
    const reason = lacking(block.text);
    if (reason !== undefined) {
      if (process.env['CI']) throw new Error(reason);
      this.report.skipped++;
      this.#last = 'skipped';
      return;
    }
    const text = this.#ports.move(block.text);
    this.#texts.push({ block, text: block.text });
    const where = join(this.#folder, 'cwd');
    const path = this.#env['GO_FOLDER'] === undefined ? '' : 'export PATH="$PATH:$GO_FOLDER"\n';
    const staying = block.notes.includes('stays open');
    const terminal = new Terminal(staying ? path + text : `${path}${text}\npwd >'${where}'`, this.#cwd, this.#env);
    this.#last = { terminal, block };
    this.report.run++;
    if (staying) {
      this.#open.push(terminal);
      return;
    }
    await using _ = terminal;
    const code = await terminal.end(commandMs).catch((error: unknown) => {
      throw new Error(`${String(error)}:\n${terminal.output}`);
    });
    if ((code !== 0) !== block.notes.includes('fails')) throw new Error(`exit code ${code}:\n${terminal.output}`);
    if (code === 0) this.#cwd = readFileSync(where, 'utf8').trim();
  }

  /** What the command before has written: all of it, or so far when it stays open. */
  async #shown(block: Block): Promise<void> {
    const last = this.#last;
    this.#last = undefined;
    if (last === undefined) throw new Error('this block comes after no command: neither run nor excused');
    if (last === 'skipped') {
      this.report.skipped++;
      return;
    }
    if (last.block.notes.includes('stays open')) return this.#seen(block, last.terminal);
    const missing = missingOutput(this.#ports.move(block.text), last.terminal.output);
    if (missing !== undefined) throw new Error(`not written: ${missing}\nbut:\n${last.terminal.output}`);
    this.report.run++;
  }

  /** Waits until a terminal that stays open has written it. */
  async #seen(block: Block, terminal: Terminal): Promise<void> {
    const shown = this.#ports.move(block.text);
    for (const deadline = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const missing = notYetSeen(shown, terminal.output);
      if (missing === undefined) break;
      if (!terminal.running || Date.now() > deadline)
        throw new Error(`not written: ${missing}\nbut:\n${terminal.output}`);
    }
    this.report.run++;
  }

  /** Goes on in a copy of a folder of the repository. */
  #enter(source: string): void {
    const files = globSync('**/*', { cwd: join(root, source), withFileTypes: true });
    for (const file of files.filter((one) => one.isFile())) {
      const path = join(file.parentPath, file.name);
      const copy = join(this.#cwd, relative(join(root, source), path));
      mkdirSync(dirname(copy), { recursive: true });
      writeFileSync(copy, this.#ports.move(readFileSync(path, 'utf8')));
    }
  }

  #terminal(): Terminal {
    const terminal = this.#open.at(-1);
    if (!terminal) throw new Error('no command of the page stays open');
    return terminal;
  }

  #write(block: Block, file: string): void {
    const path = join(this.#cwd, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${this.#ports.move(block.text)}\n`);
    layOutLanguage(block.language, this.#cwd);
    this.#files.push({ block, path: file });
    this.#texts.push({ block, text: block.text });
    this.report.run++;
    this.#last = undefined;
  }

  #compareExcerpt(block: Block, file: string): void {
    const squeezed = (text: string) => text.replaceAll(/^[ \t]+|[ \t]+$/gm, '');
    const whole = squeezed(readFileSync(join(root, file), 'utf8'));
    for (const part of squeezed(block.text).split(/^.*…$/m)) {
      if (!whole.includes(part.trim())) throw new Error(`these lines are not in ${file}:\n${part}`);
    }
    this.report.excerpts++;
  }

  /** A file that nothing after it names was written for nothing. */
  checkFilesAreUsed(): void {
    const skipped = this.report.skipped > 0;
    for (const { block, path } of this.#files) {
      const names = [path, path.split('/').at(-1) ?? '', path.split('/')[0] ?? ''];
      const used = this.#texts.some((one) => one.block !== block && names.some((name) => one.text.includes(name)));
      const starts = path === 'dapr.yaml' || path === 'package.json';
      if (!used && !starts && !(skipped && /\.(py|go|java)$/.test(path))) {
        throw new Error(`${this.#page.path}:${block.line}: no command uses ${path}`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const terminal of this.#open.toReversed()) await terminal[Symbol.asyncDispose]();
  }
}
