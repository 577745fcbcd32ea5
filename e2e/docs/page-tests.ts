import { describe, it } from 'vitest';
import { type Page, readPage } from './page.ts';
import { runPage } from './run-page.ts';
import { lackingCommand, root } from './tools.ts';

/** Registers a test for each page: every block of code in it is run, or says why not. */
export function testPages(paths: readonly string[]): void {
  describe('every block of code is run, or says why not, in', () => {
    for (const path of paths) {
      it(`${path}`, { timeout: 300_000 }, async ({ skip, annotate }) => {
        const page = readPage(root, path);
        const reason = needs(page)
          .map(lackingCommand)
          .find((one) => one !== undefined);
        if (reason !== undefined && process.env['CI']) throw new Error(`${path}: ${reason}`);
        if (reason !== undefined) process.stderr.write(`skipped: ${path}: ${reason}\n`);
        skip(reason !== undefined, reason);
        const { run, excerpts, excused, skipped } = await runPage(page);
        await annotate(`${run} run, ${excerpts} excerpts, ${excused} excused, ${skipped} skipped`);
        if (skipped > 0) process.stderr.write(`skipped: ${path}: ${skipped} blocks; eval "$(e2e/toolchains.sh)"\n`);
      });
    }
  });
}

function needs({ items }: Page): string[] {
  return items.flatMap((item) => {
    const command = typeof item === 'string' ? /^page needs (\S+)$/.exec(item)?.[1] : undefined;
    return command === undefined ? [] : [command];
  });
}
