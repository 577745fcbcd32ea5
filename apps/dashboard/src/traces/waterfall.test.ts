import { expect, test } from 'vitest';

import { serviceMap } from './service-map.ts';
import type { TraceSpan } from './span.ts';
import { TraceStore } from './trace-store.ts';
import { waterfall } from './waterfall.ts';

function span(id: string, parent: string, startMs: number, endMs: number, more: Partial<TraceSpan> = {}): TraceSpan {
  return {
    traceId: '1'.padStart(32, '0'),
    spanId: id.padStart(16, '0'),
    parentSpanId: parent && parent.padStart(16, '0'),
    name: id,
    kind: 'internal',
    service: 'shop',
    startMs,
    endMs,
    attributes: {},
    ...more,
  };
}

const shown = (spans: readonly TraceSpan[]) =>
  waterfall(spans).map(({ span: { name }, depth, offset, width }) => [name, depth, offset, width]);

test('puts each span below the one it belongs to, by their start, on a scale of the whole trace', () => {
  const spans = [span('c', 'a', 150, 175), span('b', 'a', 110, 140), span('d', 'b', 120, 130), span('a', '', 100, 200)];
  expect(shown(spans)).toEqual([
    ['a', 0, 0, 1],
    ['b', 1, 0.1, 0.3],
    ['d', 2, 0.2, 0.1],
    ['c', 1, 0.5, 0.25],
  ]);
});

test('shows spans whose parent has not come, that belong to each other in a circle, or that took no time', () => {
  expect(shown([span('a', 'f', 0, 10), span('b', 'b', 5, 10)])).toEqual([
    ['a', 0, 0, 1],
    ['b', 0, 0.5, 0.5],
  ]);
  expect(shown([span('a', 'b', 0, 10), span('b', 'a', 0, 10)]).map(([name]) => name)).toEqual(['a', 'b']);
  expect(shown([span('a', '', 5, 5)])).toEqual([['a', 0, 0, 1]]);
  expect(waterfall([])).toEqual([]);
});

test('goes as deep as a trace does', () => {
  const id = (index: number) => index.toString(16);
  const spans = Array.from({ length: 2000 }, (_, index) => span(id(index + 1), index === 0 ? '' : id(index), 0, 1));
  expect(waterfall(spans).at(-1)?.depth).toBe(1999);
});

test('joins services where a span of one is below a span of the other', () => {
  const spans = [
    span('a', '', 0, 9),
    span('b', 'a', 1, 2, { service: 'stock' }),
    span('c', 'a', 3, 4, { service: 'stock', error: 'none left' }),
    span('d', 'c', 3, 4, { service: 'stock' }),
  ];
  expect(serviceMap([spans])).toEqual({
    nodes: [
      { service: 'shop', spans: 1, errors: 0 },
      { service: 'stock', spans: 3, errors: 1 },
    ],
    edges: [{ from: 'shop', to: 'stock', calls: 2, errors: 1 }],
  });
});

test('keeps the traces that changed last, and a bounded number of spans', () => {
  const store = new TraceStore({ maxSpans: 10, maxSpansPerTrace: 4 });
  const traceId = (index: number) => (index + 1).toString(16).padStart(32, '0');
  for (let index = 0; index < 8; index++) {
    const spans = ['a', 'b', 'c'].map((id) =>
      span(id, id === 'a' ? '' : 'a', index, index + 5, { traceId: traceId(index) }),
    );
    expect(store.add(spans)).toBe(0);
  }
  expect(store.list().map((one) => one.traceId)).toEqual([traceId(7), traceId(6), traceId(5)]);
  expect(store.list()[0]).toMatchObject({ name: 'a', spans: 3, durationMs: 5, services: ['shop'] });
  expect(store.get(traceId(0))).toBeUndefined();
  const more = ['d', 'e'].map((id) => span(id, 'a', 0, 1, { traceId: traceId(5) }));
  expect(store.add(more)).toBe(1);
  expect(store.add([span('d', 'a', 0, 2, { traceId: traceId(5) })])).toBe(0);
  expect(store.get(traceId(5))).toHaveLength(4);
  expect(store.add([span('a', '', 2, 1), span('a', '', Number.NaN, 1), span('a', '', 0, 1, { traceId: 'x' })])).toBe(3);
});
