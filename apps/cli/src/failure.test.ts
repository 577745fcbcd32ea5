import { describe, expect, it } from 'vitest';
import { failureOf } from './failure.ts';
import { UserError } from './user-error.ts';

function bug(): unknown {
  try {
    return JSON.parse('{');
  } catch (error) {
    return error;
  }
}

describe('a command that fails', () => {
  it('says what the user has to mend, line by line', () => {
    expect(failureOf(new UserError('one\ntwo'), 'table', {})).toEqual({
      text: 'outrigger: one\noutrigger: two\n',
      exitCode: 1,
    });
    const refused = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', syscall: 'open' });
    expect(failureOf(refused, 'table', {})).toEqual({ text: 'outrigger: EACCES: permission denied\n', exitCode: 1 });
  });

  it('owns up to a bug, and says how to see where it is', () => {
    const { text, exitCode } = failureOf(bug(), 'table', {});
    expect(text).toMatch(
      /^outrigger: unexpected error, a bug of this command: SyntaxError: .*\noutrigger: OUTRIGGER_DEBUG=1 before the command shows where it is\n$/,
    );
    expect(exitCode).toBe(70);
    expect(failureOf('no error', 'table', {}).text).toContain('a bug of this command: no error\n');
  });

  it('shows the stack, and those of the causes, where OUTRIGGER_DEBUG is set', () => {
    const env = { OUTRIGGER_DEBUG: '1' };
    expect(failureOf(bug(), 'table', env).text).toMatch(
      /report it with what follows\nSyntaxError: .*\n\s+at JSON\.parse/,
    );
    const told = failureOf(new UserError('no answer', { cause: bug() }), 'table', env);
    expect(told.text).toMatch(/^outrigger: no answer\nUserError: no answer\n\s+at [^]*\ncaused by SyntaxError: /);
    expect(JSON.parse(failureOf(bug(), 'json', env).text)).toEqual({
      error: expect.stringContaining('a bug'),
      exitCode: 70,
      stack: expect.stringContaining(' at '),
    });
  });
});
