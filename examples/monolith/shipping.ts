// The module that has left, beside a sidecar.
import { shipping } from './modules/shipping.ts';
import { runBesideSidecar } from './platforms/sidecar.ts';

await runBesideSidecar(shipping);
