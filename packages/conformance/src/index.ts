export { requireBackend } from './require-backend.ts';
