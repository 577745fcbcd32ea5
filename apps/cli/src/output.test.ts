import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { capturedRun } from '../test/captured-run.ts';
import { formatIn } from './output.ts';
import { createProgram } from './program.ts';

/** They print what others say, or a script. */
const withoutResult = ['run', 'completion', '__complete'];

function* leavesOf(command: Command): Generator<Command> {
  if (command.commands.length === 0) yield command;
  for (const one of command.commands) yield* leavesOf(one);
}

describe('--output', () => {
  it('is a flag of every command that has a result', () => {
    const leaves = [...leavesOf(createProgram({ env: {}, setExitCode: () => {} }))];
    const without = leaves.filter(({ options }) => !options.some(({ long }) => long === '--output'));
    expect(without.map((command) => command.name())).toEqual(withoutResult);
  });

  it.each([
    [['list', '-o', 'json'], 'json'],
    [['list', '--output=YAML'], 'yaml'],
    [['-ojson', 'list'], 'json'],
    [['list', '-o'], 'table'],
    [['list', '-o', 'xml'], 'table'],
    [['list'], 'table'],
    [['list', '-o', 'json', '-o', 'table'], 'table'],
    [['invoke', '--', '-o', 'json'], 'table'],
    [['run', 'app', '--output', 'json'], 'table'],
  ] as const)('is known before the command line is parsed: %j', (args, format) => {
    expect(formatIn(args)).toBe(format);
  });

  it('may be any that there is, and no other', async () => {
    expect(await capturedRun(['version', '-o', 'xml'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'outrigger: --output is "xml"; it has to be one of table, json, yaml\n',
    });
  });
});

describe('with --output json, what is wrong', () => {
  const said = async (...args: string[]) => {
    const { code, stdout, stderr } = await capturedRun([...args, '-o', 'json'], { OUTRIGGER_HOME: '/nonexistent' });
    const { exitCode, ...more } = JSON.parse(stderr) as { exitCode: number; error: string };
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: code });
    return { code, ...more };
  };

  it('is one object on standard error, with the exit code', async () => {
    expect(await said('stop', 'orders')).toEqual({
      code: 1,
      error: 'no app "orders" runs; what does: no app runs',
    });
  });

  it('is one also where the command line cannot be read', async () => {
    expect(await said('list', '--no-such-flag')).toEqual({ code: 1, error: "unknown option '--no-such-flag'" });
    expect(await said('invoke', '-a', 'orders')).toEqual({
      code: 1,
      error: "required option '-m, --method <path>' not specified",
    });
    expect(await said('components', 'describe')).toEqual({ code: 1, error: "missing required argument 'type'" });
    expect(await said('components')).toEqual({ code: 1, error: "unknown option '-o'" });
  });

  it('is YAML where that is asked for', async () => {
    const { stderr } = await capturedRun(['components', 'describe', 'state.redi', '-o', 'yaml']);
    expect(stderr).toBe('error: no installed package provides state.redi/v1; did you mean state.redis?\nexitCode: 1\n');
  });
});
