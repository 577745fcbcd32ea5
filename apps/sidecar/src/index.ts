export { apiVersion } from './process/version.ts';
