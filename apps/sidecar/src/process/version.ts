import { createRequire } from 'node:module';

/** The Dapr version whose API this sidecar speaks; what clients read as `runtimeVersion`. */
export const apiVersion = '1.18.3';

/** The version of this package. */
export function sidecarVersion(): string {
  const { version } = createRequire(import.meta.url)('@outrigger/sidecar/package.json') as { version: string };
  return version;
}
