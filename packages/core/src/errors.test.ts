import { describe, expect, it } from 'vitest';
import { BindingError } from './bindings.ts';
import { ComponentError, type ErrorCode, errorMessage } from './errors.ts';
import { DropMessage } from './pubsub.ts';

/** What a component meets when its own copy of this package is another than the engine's. */
async function anotherCopy<T>(file: string): Promise<T> {
  return (await import(/* @vite-ignore */ `./${file}?another-copy`)) as T;
}

describe('ComponentError', () => {
  it.each<[ErrorCode, boolean]>([
    ['invalid-argument', false],
    ['not-found', false],
    ['etag-mismatch', false],
    ['unsupported', false],
    ['unavailable', true],
    ['deadline-exceeded', true],
    ['internal', true],
  ])('with the code %s: is it worth another try? %s', (code, retryable) => {
    expect(new ComponentError(code, 'x').retryable).toBe(retryable);
  });

  it('is recognised when another copy of this package has thrown it', async () => {
    const other = await anotherCopy<{ ComponentError: typeof ComponentError }>('errors.ts');
    const error = new other.ComponentError('unavailable', 'down');
    expect(error).not.toBeInstanceOf(ComponentError);
    expect(ComponentError.is(error)).toBe(true);
    expect(ComponentError.from(error)).toBe(error);
  });

  it.each([undefined, null, 'text', 1, {}, new Error('x')])('is not taken for %s', (value) => {
    expect(ComponentError.is(value)).toBe(false);
  });

  it('made from another error keeps its message and has it as the cause', () => {
    const cause = new Error('connection refused');
    const error = ComponentError.from(cause, 'unavailable');
    expect(error).toMatchObject({ name: 'ComponentError', code: 'unavailable', message: 'connection refused', cause });
    expect(ComponentError.from('just text')).toMatchObject({ code: 'internal', message: 'just text' });
  });
});

describe('errorMessage', () => {
  it('gives the messages inside an aggregate that has none of its own', () => {
    const refused = new AggregateError([new Error('refused by ::1'), new Error('refused by 127.0.0.1')]);
    expect(errorMessage(refused)).toBe('refused by ::1; refused by 127.0.0.1');
    expect(errorMessage(new AggregateError([new Error('inner')], 'outer'))).toBe('outer');
  });
});

describe('DropMessage', () => {
  it('is recognised when another copy of this package has thrown it', async () => {
    const other = await anotherCopy<{ DropMessage: typeof DropMessage }>('pubsub.ts');
    const error = new other.DropMessage('poison');
    expect(error).not.toBeInstanceOf(DropMessage);
    expect(DropMessage.is(error)).toBe(true);
    expect(DropMessage.is(new Error('poison'))).toBe(false);
  });
});

describe('BindingError', () => {
  it('is a ComponentError with metadata, also when another copy of this package has thrown it', async () => {
    const other = await anotherCopy<{ BindingError: typeof BindingError }>('bindings.ts');
    const error = new other.BindingError('not-found', 'gone', { statusCode: '404' });
    expect(error).not.toBeInstanceOf(BindingError);
    expect(BindingError.is(error) && error.metadata).toEqual({ statusCode: '404' });
    expect(ComponentError.is(error) && error.code).toBe('not-found');
    expect(BindingError.is(new ComponentError('not-found', 'gone'))).toBe(false);
  });
});
