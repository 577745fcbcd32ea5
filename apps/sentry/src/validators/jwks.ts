import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { text as textIn } from 'node:stream/consumers';

import { errorMessage, type Logger } from '@outrigger/core';
import { SpiffeId } from '@outrigger/identity/spiffe-id';
import { type SignCertificateRequest, SignCertificateRequest_TokenValidator } from '@outrigger/protocol/sentry';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';

import { defaultTrustDomain, RefusedTokenError, type Validator } from './validator.ts';

export interface JwksOptions {
  /** `https://…` (in clear also `http://…`, as in Dapr), the path of a file, or the JSON itself, also in base64. */
  readonly source: string;
  /** Whom the tokens have to be for: the SPIFFE id of this authority. */
  readonly audience: string;
  /** Roots that the server of the URL is trusted by, in PEM or as the path of a file. Default: those of Node.js. */
  readonly caCertificate?: string;
  /** Milliseconds for which keys from a URL are not asked for again. Default 10 minutes. */
  readonly minRefreshInterval?: number;
  /** Milliseconds to wait for the URL. Default 30 s. */
  readonly requestTimeout?: number;
  /** Is warned of keys that come in clear over a network. */
  readonly logger?: Logger;
}

/** Tells workloads by a JWT whose subject is their SPIFFE id, and whose key is in a JSON Web Key Set. */
export class JwksValidator implements Validator {
  readonly kind = SignCertificateRequest_TokenValidator.JWKS;
  readonly #keys: JWTVerifyGetKey;
  readonly #audience: string;

  private constructor(keys: JWTVerifyGetKey, audience: string) {
    this.#keys = keys;
    this.#audience = audience;
  }

  /** Rejects with an Error that says what is wrong with the source. A URL is asked when the first token comes. */
  static async open(options: JwksOptions): Promise<JwksValidator> {
    const { source, audience, caCertificate, minRefreshInterval, requestTimeout, logger } = options;
    if (/^https?:/i.test(source)) {
      if (!URL.canParse(source)) throw new Error(`the source of the jwks validator is no URL: ${source}`);
      if (isInClear(new URL(source))) {
        logger?.warn(
          `the keys of the jwks validator come in clear from ${source}: whoever is on the way there can put in a key and get the certificate of any app; use https (with a caCertificate of its own, if need be) or a file`,
        );
      }
      const keys = createRemoteJWKSet(new URL(source), {
        cooldownDuration: minRefreshInterval ?? 600_000,
        timeoutDuration: requestTimeout ?? 30_000,
        ...(caCertificate !== undefined && { [customFetch]: trusting(await pemOf(caCertificate)) }),
      });
      return new JwksValidator(keys, audience);
    }
    try {
      const text = inline(source) ?? (await readFile(source, 'utf8'));
      return new JwksValidator(createLocalJWKSet(JSON.parse(text) as JSONWebKeySet), audience);
    } catch (error) {
      throw new Error(
        `the JSON Web Key Set of the jwks validator (--jwks-source, or its source in the Configuration) cannot be used: ${errorMessage(error)}`,
        {
          cause: error,
        },
      );
    }
  }

  async validate(request: SignCertificateRequest): Promise<{ readonly trustDomain: string }> {
    const { id: appId, namespace, token, trustDomain: asked } = request;
    if (token === '')
      throw new RefusedTokenError('the request has no token; set DAPR_SENTRY_TOKEN_FILE for the sidecar');
    const trustDomain = asked || defaultTrustDomain;
    const subject = SpiffeId.ofApp({ trustDomain, namespace, appId }).toString();
    try {
      // an unsigned token has no key in any set
      await jwtVerify(token, this.#keys, {
        audience: this.#audience,
        subject,
        requiredClaims: ['exp'],
        clockTolerance: 60,
      });
    } catch (error) {
      if (isAboutKeys(error)) throw new Error(`the key set cannot be had: ${errorMessage(error)}`, { cause: error });
      throw new RefusedTokenError(`the token does not show that this is ${subject}: ${errorMessage(error)}`, {
        cause: error,
      });
    }
    return { trustDomain };
  }
}

/** The set itself could not be had, which says nothing about the token. */
function isAboutKeys(error: unknown): boolean {
  const { JOSEError, JWKSInvalid, JWKSTimeout } = errors;
  if (!(error instanceof JOSEError)) return true;
  return error instanceof JWKSTimeout || error instanceof JWKSInvalid || error.code === JOSEError.code;
}

/** The JSON in a source that is no path. */
function inline(source: string): string | undefined {
  return [source, Buffer.from(source, 'base64').toString()].find((text) => text.trimStart().startsWith('{'));
}

async function pemOf(certificate: string): Promise<string> {
  if (certificate.includes('-----BEGIN')) return certificate;
  try {
    return await readFile(certificate, 'utf8');
  } catch (error) {
    throw new Error(`caCertificate of the jwks validator cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}

/** A fetch that trusts these roots only. */
function trusting(ca: string): FetchImplementation {
  return async (url, { headers, signal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    get(url, { ca, headers: Object.fromEntries(headers), signal }, (answer) => {
      textIn(answer).then((body) => resolve(new Response(body, { status: answer.statusCode ?? 500 })), reject);
    }).on('error', reject);
    return promise;
  };
}

/** Whether others than this machine are asked without TLS. */
function isInClear({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
