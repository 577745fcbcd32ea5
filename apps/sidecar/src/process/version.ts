import { readFileSync } from 'node:fs';

/** The Dapr version whose API this sidecar speaks; what clients read as `runtimeVersion`. */
export const apiVersion = '1.18.3';

/** The version of this package. */
export function sidecarVersion(): string {
  const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return packageJson.version;
}
