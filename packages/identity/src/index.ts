export { SpiffeId } from './spiffe-id.ts';
