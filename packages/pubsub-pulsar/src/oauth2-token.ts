import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { ComponentError, errorMessage } from '@outrigger/core';

export interface OAuth2Settings {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  readonly audiences: readonly string[];
  readonly ca: string | undefined;
}

const timeoutMs = 10_000;
const maxAnswer = 1024 * 1024;
/** A token is replaced so long before it ends. */
const leewayMs = 30_000;

/** Gets tokens by OAuth 2 client credentials, and keeps each until shortly before it ends. */
export class OAuth2Token {
  readonly #settings: OAuth2Settings;
  #token = '';
  #goodUntil = 0;
  #fetching: Promise<string> | undefined;

  constructor(settings: OAuth2Settings) {
    this.#settings = settings;
  }

  async get(): Promise<string> {
    if (Date.now() < this.#goodUntil) return this.#token;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<string> {
    const { clientId, clientSecret, scopes, audiences } = this.#settings;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    });
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    for (const audience of audiences) form.append('audience', audience);
    const { status, body } = await this.#post(form.toString());
    if (status >= 500) throw new ComponentError('unavailable', `oauth2TokenURL answers with status ${status}`);
    if (status >= 300) {
      throw new ComponentError(
        'invalid-argument',
        `oauth2TokenURL refuses the client with status ${status}: check oauth2ClientID, oauth2ClientSecret, oauth2Scopes and oauth2Audiences`,
      );
    }
    const { token, expiresInMs } = parseAnswer(body);
    this.#token = token;
    this.#goodUntil = Date.now() + expiresInMs - Math.min(leewayMs, expiresInMs / 2);
    return token;
  }

  async #post(form: string): Promise<{ status: number; body: string }> {
    const { tokenUrl, ca } = this.#settings;
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    const request = (tokenUrl.startsWith('https:') ? requestHttps : requestHttp)(tokenUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      timeout: timeoutMs,
      ...(ca !== undefined && { ca }),
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('error', reject);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (body.length < maxAnswer) body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.end(form);
    try {
      return await promise;
    } catch (error) {
      throw new ComponentError(
        'unavailable',
        `cannot get a token: ${errorMessage(error)}; check oauth2TokenURL and oauth2TokenCAPEM`,
        { cause: error },
      );
    }
  }
}

function parseAnswer(body: string): { token: string; expiresInMs: number } {
  try {
    const { access_token: token, expires_in: seconds } = JSON.parse(body) as Record<string, unknown>;
    const expires = Number(seconds ?? 300);
    if (typeof token === 'string' && token !== '' && expires > 0) return { token, expiresInMs: expires * 1000 };
  } catch {
    // said below, without the answer, which may hold a secret
  }
  throw new ComponentError('unavailable', 'oauth2TokenURL answers with something that is no access token');
}
