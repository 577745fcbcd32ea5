import { describe, expect, it } from 'vitest';
import { itemsOf } from './page.ts';
import { runPage } from './run-page.ts';

describe('the runner of the docs', () => {
  const run = async (...lines: string[]) => runPage({ path: 'page.md', items: itemsOf(lines.join('\n'), 'page.md') });

  it('refuses a block that is neither run nor excused, and one whose reason is no reason', async () => {
    await expect(run('Text', '', '```ts', 'x', '```')).rejects.toThrow(
      'page.md:4: this block is neither run nor excused',
    );
    await expect(run('```text', 'x', '```')).rejects.toThrow('page.md:2: this block comes after no command');
    await expect(run('<!-- test: not run: no -->', '```ts', 'x', '```')).rejects.toThrow(
      'says nothing that the runner knows',
    );
    await expect(run('Text:', '', '    npm start')).rejects.toThrow('page.md:3: code has a fence');
  });

  it('refuses a command that fails, and one that writes something else', async () => {
    await expect(run('```sh', 'false', '```')).rejects.toThrow('page.md:2: exit code 1');
    await expect(run('```sh', 'echo 1', '```', '```text', '2', '```')).rejects.toThrow('page.md:5: not written: 2');
    await expect(run('```sh', 'echo 1; echo 2', '```', '```text', '1', '```')).rejects.toThrow('but there is: 2');
  });

  it('refuses a file that no command uses', async () => {
    await expect(run('`a.yaml`:', '', '```yaml', 'a: 1', '```')).rejects.toThrow('page.md:4: no command uses a.yaml');
  });

  it('keeps the folder between commands, moves ports, and lets … stand for what varies', async () => {
    const report = await run(
      '```sh\nmkdir a && cd a\n```\n`b.txt`:\n```json\n{"port": 3500}\n```',
      '```sh\ncat b.txt; date; pwd; echo end\n```\n```text\n{"port": 3500}\n…\n…/a\nend\n```',
    );
    expect(report).toEqual({ run: 4, excerpts: 0, excused: 0, skipped: 0 });
  });

  it('waits for what a command that stays open writes, in any order', async () => {
    const stay = '<!-- test: stays open -->\n```sh\n(sleep 0.1; echo 2; echo 1; echo 1) & wait; sleep 60\n```';
    const report = await run(stay, '```text\n1\n2\n```', '<!-- test: seen above -->\n```text\n1\n1\n```');
    expect(report).toMatchObject({ run: 3 });
  });
});
