import { describe, expect, it } from 'vitest';
import { createProgram } from '../program.ts';
import { completionsOf } from './completions.ts';

const program = createProgram({ env: {}, setExitCode: () => {} });
const complete = (...words: string[]) => completionsOf(program, words, () => ['orders', 'stock']);

describe('what a shell completes', () => {
  it('is commands, and the commands of a command', () => {
    expect(complete('')).toEqual(expect.arrayContaining(['run', 'list', 'stop', 'doctor']));
    expect(complete('')).not.toContain('__complete');
    expect(complete('comp')).toEqual(['completion', 'components']);
    expect(complete('components', '')).toEqual(['add', 'describe', 'list']);
  });

  it('is flags, and what an app is called where one is asked for', () => {
    expect(complete('run', '--app-p')).toEqual(['--app-port', '--app-protocol']);
    expect(complete('invoke', '-a', 'o')).toEqual(['orders']);
    expect(complete('stop', '')).toEqual(['orders', 'stock']);
    expect(complete('list', '-o', '')).toEqual(['json', 'table', 'yaml']);
    expect(complete('completion', '')).toEqual(['bash', 'fish', 'zsh']);
  });

  it("is nothing in the app's own command, and where any value may stand", () => {
    expect(complete('run', '--', 'node', '--')).toEqual([]);
    expect(complete('run', '-p', '')).toEqual([]);
  });
});
