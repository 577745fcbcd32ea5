import { ComponentError, type ErrorCode, errorMessage } from '@outrigger/core';
import type { VaultReply } from './vault-client.ts';

/** An error that the YAML has to mend. */
export function refused(message: string, cause?: unknown): ComponentError {
  return new ComponentError('invalid-argument', message, { cause });
}

/** Why no answer came. */
export function connectFailure(error: unknown, address: string): ComponentError {
  if (ComponentError.is(error)) return error;
  const { code = '', name = '' } = error as { code?: string; name?: string };
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || name === 'ResponseExceededMaxSizeError') {
    return new ComponentError('internal', `Vault at ${address} answered more than 32 MiB`, { cause: error });
  }
  const reason = errorMessage(error).replace(/\s+/g, ' ').trim();
  const message = `cannot reach Vault at ${address}: ${reason}. ${fixFor(`${code} ${reason}`)}`;
  return new ComponentError('unavailable', message, { cause: error });
}

function fixFor(reason: string): string {
  if (/alert|certificate required/i.test(reason))
    return 'Does it want a client certificate? See clientCert and clientKey.';
  if (/ALTNAME/i.test(reason)) return 'Its certificate is for another name: see tlsServerName.';
  if (/EXPIRED/i.test(reason)) return 'Its certificate has expired.';
  if (/CERT|self.signed|ISSUER|SIGNATURE/i.test(reason)) {
    return 'Its certificate is not trusted: name the authority in caPem, caPath or caCert.';
  }
  if (/SSL|TLS|EPROTO/.test(reason)) return 'Does it speak TLS there? vaultAddr begins with http:// or https://.';
  return 'Is it running, and is vaultAddr right?';
}

/** What Vault said was wrong, on one line. Vault quotes paths and names there, never values. */
export function complaint({ text }: VaultReply): string {
  const errors = parsed(text)['errors'];
  const said = Array.isArray(errors) ? errors.filter((error) => typeof error === 'string').join('; ') : '';
  return said.replace(/\s+/g, ' ').trim().slice(0, 300);
}

/** Whether Vault said that it does not know the token, or no longer; older versions do not tell this from a lack of rights. */
export function saysBadToken(reply: VaultReply): boolean {
  return reply.status === 403 && /\b(invalid|bad) token\b/i.test(complaint(reply));
}

/** The JSON object in an answer; an empty one when there is none. Answers of the KV engine are not read with it. */
export function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export interface Asked {
  /** `read the secret "db"` */
  readonly what: string;
  /** Of the API, without `/v1/`, as a policy spells it. */
  readonly path: string;
  readonly capability: string;
  /** For messages. */
  readonly address: string;
}

/** What an answer other than success means to the caller. */
export function replyFailure(reply: VaultReply, { what, path, capability, address }: Asked): ComponentError {
  const said = complaint(reply);
  const failed = (code: ErrorCode, why: string): ComponentError =>
    new ComponentError(code, `Vault at ${address} did not ${what}: ${why}`);
  const { status } = reply;
  if (saysBadToken(reply))
    return failed('invalid-argument', 'the token is not valid, or no longer: it has expired or was revoked');
  if (status === 403) {
    return failed(
      'invalid-argument',
      `permission denied. A policy of the token needs: path ${JSON.stringify(path)} { capabilities = ["${capability}"] } — unless the token has expired`,
    );
  }
  if (/vault is sealed/i.test(said)) return failed('unavailable', 'it is sealed; unseal it');
  if (/not (yet )?initialized/i.test(said) || status === 501) return failed('unavailable', 'it is not initialized');
  if (/HTTP request to an HTTPS server/i.test(reply.text)) {
    return failed('unavailable', 'it speaks TLS there: begin vaultAddr with https://');
  }
  if (status === 429) return failed('unavailable', `too many requests${said && `: ${said}`}`);
  if (status === 404 && said !== '') return failed('invalid-argument', `${said}. Is enginePath right?`);
  if (status >= 500 || status === 472 || status === 473)
    return failed('unavailable', `status ${status}${said && `: ${said}`}`);
  if (status >= 400) return failed('invalid-argument', `status ${status}${said && `: ${said}`}`);
  return failed('internal', `an answer with status ${status} that is not of Vault; is vaultAddr right?`);
}
