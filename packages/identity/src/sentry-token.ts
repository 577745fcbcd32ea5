import { readFile } from 'node:fs/promises';

import { errorMessage } from '@outrigger/core';
import { SignCertificateRequest_TokenValidator as Validator } from '@outrigger/protocol/sentry';

/** How a workload proves to the certificate authority who it is. */
export interface SentryToken {
  readonly token: string;
  readonly validator: Validator;
}

export interface SentryTokenOptions {
  /** `DAPR_SENTRY_TOKEN_FILE`; `undefined`: it is not set. */
  readonly file: string | undefined;
  /** Whether this runs on Kubernetes: its tokens are used, and every token is checked by its validator. */
  readonly kubernetes: boolean;
  /** Where Kubernetes puts the token, the first that is there. Default: as the injector mounts it, then the pod's own. */
  readonly kubernetesFiles?: readonly string[];
}

const kubernetesTokens = [
  '/var/run/secrets/dapr.io/sentrytoken/token',
  '/var/run/secrets/kubernetes.io/serviceaccount/token',
];

/** Reads the token anew, as it is replaced from time to time. Without any, the authority must take a workload at its word. */
export async function readSentryToken(options: SentryTokenOptions): Promise<SentryToken> {
  const { file, kubernetes, kubernetesFiles = kubernetesTokens } = options;
  if (file !== undefined) {
    if (file === '') throw new Error('the environment variable DAPR_SENTRY_TOKEN_FILE is set, but empty');
    const token = await read(file);
    if (token === undefined) throw new Error(`DAPR_SENTRY_TOKEN_FILE: there is no file ${file}`);
    if (token === '') throw new Error(`DAPR_SENTRY_TOKEN_FILE: the file ${file} is empty`);
    return { token, validator: kubernetes ? Validator.KUBERNETES : Validator.JWKS };
  }
  for (const path of kubernetes ? kubernetesFiles : []) {
    const token = await read(path);
    if (token) return { token, validator: Validator.KUBERNETES };
  }
  return { token: '', validator: Validator.UNKNOWN };
}

async function read(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`the token in ${path} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}
