/** For tools that look at resources without running an app: what is installed, and whether it starts. */
export { type ComponentCheck, checkResources, type ResourceCheck } from './check-resources.ts';
export { Definitions, readCatalogue } from './components/definitions.ts';
export { InstalledPackages } from './components/installed-packages.ts';
