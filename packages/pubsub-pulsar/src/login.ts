import { readFileSync } from 'node:fs';
import { ComponentError, errorMessage } from '@outrigger/core';
import { OAuth2Token } from './oauth2-token.ts';

export interface LoginMetadata {
  readonly token?: string;
  readonly oauth2TokenURL?: string;
  readonly oauth2ClientID?: string;
  readonly oauth2ClientSecret?: string;
  readonly oauth2ClientSecretPath?: string;
  readonly oauth2CredentialsFile?: string;
  readonly oauth2TokenCAPEM?: string;
  readonly oauth2Scopes?: readonly string[];
  readonly oauth2Audiences?: readonly string[];
}

/** Gives the token to log in with, fresh each time; `undefined` without a login. Files are read here. */
export function loginOf(metadata: LoginMetadata): (() => Promise<string>) | undefined {
  const { token } = metadata;
  if (token !== undefined) return async () => token;
  if (metadata.oauth2TokenURL === undefined && metadata.oauth2CredentialsFile === undefined) return undefined;
  const file = metadata.oauth2CredentialsFile === undefined ? {} : readCredentials(metadata.oauth2CredentialsFile);
  const secret =
    metadata.oauth2ClientSecret ??
    (metadata.oauth2ClientSecretPath === undefined
      ? file.client_secret
      : readText('oauth2ClientSecretPath', metadata.oauth2ClientSecretPath).trim());
  const token2 = new OAuth2Token({
    tokenUrl: needed('oauth2TokenURL', metadata.oauth2TokenURL ?? file.issuer_url),
    clientId: needed('oauth2ClientID', metadata.oauth2ClientID ?? file.client_id),
    clientSecret: needed('oauth2ClientSecret', secret),
    scopes: metadata.oauth2Scopes ?? [],
    audiences: metadata.oauth2Audiences ?? [],
    ca: metadata.oauth2TokenCAPEM,
  });
  return () => token2.get();
}

function needed(field: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value;
  throw new ComponentError('invalid-argument', `${field} is needed for a login by OAuth 2`);
}

function readText(field: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ComponentError('invalid-argument', `${field}: cannot read the file: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function readCredentials(path: string): { client_id?: string; client_secret?: string; issuer_url?: string } {
  const text = readText('oauth2CredentialsFile', path);
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // said below, without the text, which holds a secret
  }
  throw new ComponentError('invalid-argument', 'oauth2CredentialsFile: the file is no JSON object');
}
