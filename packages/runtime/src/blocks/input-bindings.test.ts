import { ComponentError, type LogFields, type Logger, policy, retry } from '@outrigger/core';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { EventSource } from '../../test/event-source.ts';
import type { AppChannel } from '../app-channel/app-channel.ts';
import { inProcessApp, type InProcessApp } from '../app-channel/in-process.ts';
import type { InvokeBinding } from './bindings.ts';
import { InputBindings, type InputBindingsOptions } from './input-bindings.ts';

const never = new AbortController().signal;

interface Setup extends Partial<InputBindingsOptions> {
  readonly properties?: Record<string, string>;
  readonly app?: InProcessApp;
}

function scene({ properties = {}, app = {}, ...options }: Setup = {}) {
  const source = new EventSource();
  const log: string[] = [];
  const write = (message: string, _fields?: LogFields): void => void log.push(message);
  const logger: Logger = { isEnabled: () => true, debug: write, info: write, warn: write, error: write };
  const invoked: InvokeBinding[] = [];
  const outputs = {
    invoke: async (request: InvokeBinding) => {
      invoked.push(request);
      if (request.name === 'broken') throw new Error('it is broken');
      return {};
    },
  };
  const inputs = new InputBindings({
    channel: inProcessApp(app),
    components: [{ name: 'source', type: 'bindings.test', instance: source, properties }],
    outputs,
    initializationRetry: () => retry({ duration: 1, maxRetries: 2 }),
    logger,
    ...options,
  });
  onTestFinished(() => inputs.stop(AbortSignal.abort()));
  return { source, inputs, log, invoked };
}

describe('a binding', () => {
  test('is read when the app wants it', async () => {
    const events: unknown[] = [];
    const { source, inputs } = scene({
      app: { bindings: { source: (event) => void events.push(event) } },
    });
    await inputs.start(never);
    await source.emit('data', { metadata: { key: 'value' }, contentType: 'text/plain' });
    expect(events).toMatchObject([
      { name: 'source', data: Buffer.from('data'), metadata: { key: 'value' }, contentType: 'text/plain' },
    ]);
  });

  test('is left alone when the app does not want it', async () => {
    const { source, inputs, log } = scene({ app: { bindings: { other: () => {} } } });
    await inputs.start(never);
    expect(source.isRead).toBe(false);
    expect(log).toContain('app has not subscribed to binding source');
  });

  test.each([
    ['input', true],
    [' Output , INPUT', true],
    ['output', false],
    ['sideways', false],
  ])('of direction %j is read: %s, and the app is not asked', async (direction, isRead) => {
    const inputBindings = vi.fn<NonNullable<AppChannel['inputBindings']>>();
    const { source, inputs } = scene({
      properties: { Direction: direction },
      channel: { ...channel(async () => {}), inputBindings },
    });
    await inputs.start(never);
    expect(source.isRead).toBe(isRead);
    expect(inputBindings).not.toHaveBeenCalled();
  });

  test.each([
    [{}, '/source'],
    [{ route: 'jobs/nightly' }, '/jobs/nightly'],
    [{ route: '/jobs' }, '/jobs'],
  ])('with %j goes to %s', async (properties, path) => {
    const paths: string[] = [];
    const { source, inputs } = scene({ properties, channel: channel(async (event) => void paths.push(event.path)) });
    await inputs.start(never);
    await source.emit();
    expect(paths).toEqual([path]);
  });

  test('is asked for again while the app cannot be reached', async () => {
    let attempts = 0;
    const { source, inputs } = scene({
      channel: {
        ...channel(async () => {}),
        inputBindings: async () => {
          attempts++;
          if (attempts < 3) throw new ComponentError('unavailable', 'not up yet');
          return new Set(['source']);
        },
      },
    });
    await inputs.start(never);
    expect(source.isRead).toBe(true);
  });

  test('is not called unwanted when the app could not be asked', async () => {
    const { inputs, log } = scene({
      channel: { ...channel(async () => {}), inputBindings: () => Promise.reject(new Error('it is down')) },
    });
    await inputs.start(never);
    expect(log).toEqual(['asking the app for the bindings it wants failed: it is down']);
  });

  test('whose source is away is read as soon as it is back', async () => {
    const { source, inputs, log } = scene({ properties: { direction: 'input' } });
    source.failure = new ComponentError('unavailable', 'gone fishing');
    await inputs.start(never);
    expect(log).toContain('cannot read from binding source yet: gone fishing');
    source.failure = undefined;
    await expect.poll(() => source.isRead).toBe(true);
  });

  test('whose source refuses is told of, and not tried again', async () => {
    const { source, inputs, log } = scene({ properties: { direction: 'input' } });
    source.failure = new ComponentError('invalid-argument', 'no such queue');
    await inputs.start(never);
    expect(log).toContain('cannot read from binding source: no such queue');
  });
});

describe('an event', () => {
  test('is given back when the app fails, and the reason is in the log', async () => {
    const { source, inputs, log } = scene({
      app: {
        bindings: {
          source: () => {
            throw new Error('no room');
          },
        },
      },
    });
    await inputs.start(never);
    await expect(source.emit()).rejects.toThrow('no room');
    expect(log.join('\n')).toMatch(/handling an event of binding source failed: .*no room/);
  });

  test('is tried again as the inbound policy says', async () => {
    let attempts = 0;
    const { source, inputs } = scene({
      inbound: () => policy([retry({ duration: 1, maxRetries: 5 })]),
      app: {
        bindings: {
          source: () => {
            if (++attempts < 3) throw new Error('not yet');
          },
        },
      },
    });
    await inputs.start(never);
    await source.emit();
    expect(attempts).toBe(3);
  });

  test('has the app’s answer for its source', async () => {
    const { source, inputs } = scene({
      app: { bindings: { source: () => ({ data: Buffer.from('done'), contentType: 'text/plain' }) } },
    });
    await inputs.start(never);
    expect(await source.emit()).toEqual({ data: Buffer.from('done'), contentType: 'text/plain' });
  });

  test.each([
    ['sequential', ['one', 'broken']],
    ['parallel', ['one', 'broken', 'two']],
  ] as const)('goes on to output bindings, %s: to %j when the second is broken', async (concurrency, expected) => {
    const { source, inputs, invoked, log } = scene({
      app: {
        bindings: { source: () => ({ data: Buffer.from('{"a":1}'), to: ['one', 'broken', 'two'], concurrency }) },
      },
    });
    await inputs.start(never);
    await source.emit(); // a failure behind the app is not the event's
    expect(invoked.map(({ name }) => name)).toEqual(expected);
    expect(invoked[0]).toEqual({ name: 'one', operation: 'create', data: Buffer.from('{"a":1}') });
    expect(log.join('\n')).toMatch(/answer to an event of binding source was not taken: it is broken/);
  });
});

describe('at the end', () => {
  test('what is being handled may end, and nothing new begins until it is started anew', async () => {
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    const { source, inputs } = scene({
      app: {
        bindings: {
          source: async () => {
            calls++;
            await gate.promise;
          },
        },
      },
    });
    await inputs.start(never);
    const handling = source.emit();
    let stopped = false;
    const stop = inputs.stop(never).then(() => {
      stopped = true;
    });
    await expect(source.emit()).rejects.toThrow('nobody reads');
    expect(stopped).toBe(false);
    gate.resolve();
    await Promise.all([handling, stop]);
    expect(calls).toBe(1);

    await inputs.start(never);
    await source.emit();
    expect(calls).toBe(2);
  });

  test('what takes too long is cut off and given back', async () => {
    const { source, inputs } = scene({ app: { bindings: { source: () => new Promise<void>(() => {}) } } });
    await inputs.start(never);
    const handling = expect(source.emit()).rejects.toThrow('goes back');
    await inputs.stop(AbortSignal.timeout(10));
    await handling;
  });

  test('so is one whose answer no output binding has taken by then', async () => {
    const { source, inputs } = scene({
      app: { bindings: { source: () => ({ data: Buffer.from('x'), to: ['slow'] }) } },
      outputs: {
        invoke: (_, signal = never) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('cut')), { once: true });
          }),
      },
    });
    await inputs.start(never);
    const handling = expect(source.emit()).rejects.toThrow('goes back');
    await inputs.stop(AbortSignal.timeout(10));
    await handling;
  });

  test('a retry that waits is given back at once', async () => {
    const { source, inputs } = scene({
      inbound: () => policy([retry({ duration: 60_000 })]),
      app: {
        bindings: {
          source: () => {
            throw new Error('not now');
          },
        },
      },
    });
    await inputs.start(never);
    const handling = expect(source.emit()).rejects.toThrow(/not now|goes back/);
    await Promise.all([handling, inputs.stop(never)]);
  });

  test('a start that the end has overtaken leaves nothing running', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<ReadonlySet<string>>();
    const { source, inputs } = scene({
      channel: {
        ...channel(async () => {}),
        inputBindings: () => {
          asked.resolve();
          return answer.promise;
        },
      },
    });
    const start = inputs.start(never);
    await asked.promise;
    await inputs.stop(never);
    answer.resolve(new Set(['source']));
    await start;
    expect(source.isRead).toBe(false);
  });

  test('a source that turns out to be away after the end is not tried again', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const source = new EventSource();
    const read = vi.spyOn(source, 'read').mockImplementation(async () => {
      asked.resolve();
      await answer.promise;
      throw new ComponentError('unavailable', 'gone fishing');
    });
    const properties = { direction: 'input' };
    const { inputs } = scene({ components: [{ name: 'source', type: 'bindings.test', instance: source, properties }] });
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const start = inputs.start(never);
    await asked.promise;
    await inputs.stop(never);
    answer.resolve();
    await start;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(read).toHaveBeenCalledTimes(1);
  });
});

/** A channel that wants every event. */
function channel(deliver: (event: { readonly path: string }) => Promise<void>): AppChannel {
  const app = inProcessApp({});
  return {
    ready: (signal) => app.ready(signal),
    probe: (signal) => app.probe(signal),
    subscriptions: async () => [],
    invoke: (request, signal) => app.invoke(request, signal),
    deliver: (event, signal) => app.deliver(event, signal),
    deliverMany: (event, signal) => app.deliverMany(event, signal),
    inputBindings: async (candidates) => new Set(candidates.map(({ name }) => name)),
    deliverBinding: async (event) => {
      await deliver(event);
      return { to: [], concurrency: 'sequential' };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
