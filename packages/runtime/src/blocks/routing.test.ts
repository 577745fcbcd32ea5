import { describe, expect, it } from 'vitest';

import { compileRoutes } from './routing.ts';

describe('routing', () => {
  it('sends everything to a route without an expression', async () => {
    const route = await compileRoutes([{ path: '/all' }]);
    expect(route({})).toBe('/all');
  });

  it('takes the first rule that matches, then the default', async () => {
    const route = await compileRoutes([
      { match: 'event.type == "cat"', path: '/cats' },
      { match: ' event.data.n > 3 && event.data.tags.exists(t, t == "big") ', path: '/big' },
      { match: '', path: '/rest' },
    ]);
    expect(route({ type: 'cat' })).toBe('/cats');
    expect(route({ type: 'dog', data: { n: 4, tags: ['big'] } })).toBe('/big');
    expect(route({ type: 'dog', data: { n: 3, tags: ['big'] } })).toBe('/rest');
  });

  it('has no route for what matches nothing', async () => {
    const route = await compileRoutes([{ match: 'event.type == "cat"', path: '/cats' }]);
    expect(route({ type: 'dog' })).toBeUndefined();
  });

  it('says which expression is wrong and why', async () => {
    await expect(compileRoutes([{ match: 'event.type ==', path: '/a' }])).rejects.toThrow(
      /`event.type ==` is not a valid CEL/,
    );
    await expect(compileRoutes([{ match: 'evnt.type == "a"', path: '/a' }])).rejects.toThrow(/Unknown variable: evnt/);
    await expect(compileRoutes([{ match: '1 + 1', path: '/a' }])).rejects.toThrow(/gives int, not a boolean/);
  });

  it('fails for an event on which an expression cannot be decided', async () => {
    const route = await compileRoutes([{ match: 'event.data.n > 3', path: '/a' }, { path: '/rest' }]);
    expect(() => route({ id: '7' })).toThrow(
      'rule `event.data.n > 3` of the subscription cannot be evaluated for event 7: no such key: data; use has(event.data)',
    );
    expect(() => route({ id: '7', data: {} })).toThrow(/^[^\n]*: no such key: n; use has\(event\.data\.n\)$/);
    const notBoolean = await compileRoutes([{ match: 'event.type', path: '/a' }]);
    expect(() => notBoolean({ type: 'x' })).toThrow(/`event.type` .* it gives string, not a boolean/);
  });
});
