import { createServer } from 'node:net';
import { once } from 'node:events';

import { expect, it } from 'vitest';

import { freePorts } from './ports.ts';

it('gives ports that differ, that nobody listens on and that nobody is to have', async () => {
  // half of the range
  const taken = new Set(Array.from({ length: 5000 }, (_, index) => 15_000 + index));
  const ports = await freePorts(20, taken);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) {
    expect(taken.has(port)).toBe(false);
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
  }
});
