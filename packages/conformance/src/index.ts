export { openComponent, type OpenOptions } from './open-component.ts';
export { requireBackend } from './require-backend.ts';
