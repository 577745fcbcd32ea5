// Both modules in one process.
import { orders } from './modules/orders.ts';
import { shipping } from './modules/shipping.ts';
import { serve } from './platforms/http-server.ts';
import { runInProcess } from './platforms/in-process.ts';

const [front] = await runInProcess([orders, shipping]);
await serve({
  '/place': async (data) => front?.methods['place']?.(data),
  '/show': async (data) => front?.methods['show']?.(data),
});
