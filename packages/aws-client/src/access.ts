import type { FromTemporaryCredentialsOptions } from '@aws-sdk/credential-providers';
import { ComponentError } from '@outrigger/core';

/** What a component's metadata says about AWS: some or all of {@link awsFields}. */
export interface AwsLogin {
  readonly region?: string;
  readonly endpoint?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly sessionToken?: string;
  readonly assumeRoleArn?: string;
  readonly sessionName?: string;
}

/** Where AWS is and who asks. */
export interface AwsAccess {
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  /** `undefined`: whatever the SDK finds in the environment, the profile, or the role of the machine. */
  readonly credentials: AwsKeys | (() => Promise<AwsKeys>) | undefined;
}

interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Throws `invalid-argument` for an endpoint that is no URL, and for half of the keys. */
export function awsAccess(login: AwsLogin): AwsAccess {
  const { region, endpoint, accessKey, secretKey, sessionToken, assumeRoleArn, sessionName } = login;
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new ComponentError(
      'invalid-argument',
      `endpoint "${endpoint}" is no URL; it looks like http://localhost:4566`,
    );
  }
  if ((accessKey === undefined) !== (secretKey === undefined)) {
    const [given, missing] = accessKey === undefined ? ['secretKey', 'accessKey'] : ['accessKey', 'secretKey'];
    throw new ComponentError(
      'invalid-argument',
      `${given} is set without ${missing}: set both, or neither to use the process's own role`,
    );
  }
  const keys =
    accessKey === undefined || secretKey === undefined
      ? undefined
      : { accessKeyId: accessKey, secretAccessKey: secretKey, ...(sessionToken !== undefined && { sessionToken }) };
  if (assumeRoleArn === undefined) return { region, endpoint, credentials: keys };
  const temporary = {
    ...(keys && { masterCredentials: keys }),
    params: { RoleArn: assumeRoleArn, ...(sessionName !== undefined && { RoleSessionName: sessionName }) },
    clientConfig: awsClientOptions({ region, endpoint }),
  };
  return { region, endpoint, credentials: roleCredentials(temporary) };
}

/** Asked by the SDK when it needs them, and again before they expire. Few take on a role, so the code for it is loaded then. */
function roleCredentials(options: FromTemporaryCredentialsOptions): () => Promise<AwsKeys> {
  let take: (() => Promise<AwsKeys>) | undefined;
  return async () => {
    const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
    take ??= fromTemporaryCredentials(options);
    return await take();
  };
}

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/**
 * Settings for any client of the SDK: 5 s to connect, 10 s for an answer to a request, which is repeated at most twice, and
 * nothing is written to the console.
 */
export function awsClientOptions({ region, endpoint, credentials }: Partial<AwsAccess>) {
  return {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
    maxAttempts: 3,
    logger: silent,
    requestHandler: {
      connectionTimeout: 5000,
      requestTimeout: 10_000,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
      logger: silent,
    },
  };
}
