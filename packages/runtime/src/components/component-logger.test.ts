import { silentLogger } from '@outrigger/core';
import { expect, test } from 'vitest';

import { componentLogger } from './component-logger.ts';

test('every line names the component', () => {
  const lines: unknown[] = [];
  const logger = {
    ...silentLogger,
    isEnabled: (level: string) => level !== 'debug',
    warn: (...line: unknown[]) => void lines.push(line),
    debug: () => expect.fail(),
  };
  const bound = componentLogger(logger, 'store (state.x/v1)');
  bound.warn('lost', { attempt: 2 });
  bound.debug('nobody asked');
  expect(lines).toEqual([['lost', { component: 'store (state.x/v1)', attempt: 2 }]]);
  expect([bound.isEnabled('info'), bound.isEnabled('debug')]).toEqual([true, false]);
});
