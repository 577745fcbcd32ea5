import { ComponentError, errorMessage } from '@outrigger/core';
import { createHash, createPrivateKey, type KeyObject, randomUUID, sign, X509Certificate } from 'node:crypto';

export interface OidcSettings {
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly resource?: string;
  /** A secret, or the key that signs. */
  readonly credential: { readonly secret: string } | Assertion;
  readonly timeoutMs: number;
}

interface Assertion {
  readonly key: KeyObject;
  readonly audience: string;
  readonly kid?: string;
  /** Thumbprint of the certificate, as in the header `x5t#S256`. */
  readonly thumbprint?: string;
}

/** Gets access tokens with the client credentials grant, and keeps each until shortly before it ends. */
export function tokenSource(settings: OidcSettings): () => Promise<string> {
  let current: Promise<{ readonly token: string; readonly endsAt: number }> | undefined;
  return async () => {
    for (;;) {
      const asked = current;
      const known = await asked?.catch(() => undefined);
      if (known && known.endsAt > Date.now()) return known.token;
      if (asked !== current) continue; // another connection asks already
      current = request(settings);
      return (await current).token;
    }
  };
}

/** Takes the PEM texts of `oidc_private_key_jwt` apart; throws an Error that names the field. */
export function readAssertion(
  keyPem: string,
  certificatePem: string | undefined,
): Pick<Assertion, 'key' | 'thumbprint'> {
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch {
    throw new ComponentError('invalid-argument', 'oidcClientAssertionKey: expected the PEM text of a private key');
  }
  if (certificatePem === undefined) return { key };
  try {
    const { raw } = new X509Certificate(certificatePem);
    return { key, thumbprint: createHash('sha256').update(raw).digest('base64url') };
  } catch {
    throw new ComponentError('invalid-argument', 'oidcClientAssertionCert: expected the PEM text of a certificate');
  }
}

async function request(settings: OidcSettings): Promise<{ token: string; endsAt: number }> {
  const { tokenEndpoint, clientId, scopes, resource, credential, timeoutMs } = settings;
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, scope: scopes.join(' ') });
  if (resource !== undefined) form.set('resource', resource);
  if ('secret' in credential) form.set('client_secret', credential.secret);
  else {
    form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    form.set('client_assertion', signed(clientId, credential));
  }
  let answer: Response;
  try {
    answer = await fetch(tokenEndpoint, { method: 'POST', body: form, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const { cause } = error as Error;
    throw new ComponentError('unavailable', `oidcTokenEndpoint cannot be reached: ${errorMessage(cause ?? error)}`, {
      cause: error,
    });
  }
  const body: unknown = await answer.json().catch(() => undefined);
  const { access_token: token, expires_in: seconds = 300, error } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (!answer.ok || typeof token !== 'string') {
    const why = typeof error === 'string' ? ` (${error})` : '';
    throw new ComponentError(
      answer.status >= 500 ? 'unavailable' : 'invalid-argument',
      `oidcTokenEndpoint gave no token: HTTP ${answer.status}${why}; check oidcClientID, its secret or key, and oidcScopes`,
    );
  }
  // a little early, so that none ends on its way
  return { token, endsAt: Date.now() + Math.max(Number(seconds) - 30, 1) * 1000 };
}

function signed(clientId: string, { key, audience, kid, thumbprint }: Assertion): string {
  const now = Math.floor(Date.now() / 1000);
  const isEc = key.asymmetricKeyType === 'ec';
  const header = {
    alg: isEc ? 'ES256' : 'RS256',
    typ: 'JWT',
    ...(kid !== undefined && { kid }),
    ...(thumbprint !== undefined && { 'x5t#S256': thumbprint }),
  };
  const claims = { iss: clientId, sub: clientId, aud: audience, jti: randomUUID(), iat: now, nbf: now, exp: now + 300 };
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(text), isEc ? { key, dsaEncoding: 'ieee-p1363' } : key);
  return `${text}.${signature.toString('base64url')}`;
}
