// What stays of the monolith, beside a sidecar.
import { orders } from './modules/orders.ts';
import { runBesideSidecar } from './platforms/sidecar.ts';

await runBesideSidecar(orders);
