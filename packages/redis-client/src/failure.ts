import { ComponentError, type ErrorCode, errorMessage } from '@outrigger/core';
import type { RedisMetadata } from './fields.ts';

/** Whether `error`, or its cause, is an error reply of the server that starts with `prefix` (`NOSCRIPT`, `BUSYGROUP`, …). */
export function isReplyError(error: unknown, prefix = ''): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError') return error.message.startsWith(prefix);
  return isReplyError(error.cause, prefix);
}

const codeOfReply: Readonly<Record<string, ErrorCode>> = {
  NOAUTH: 'invalid-argument',
  WRONGPASS: 'invalid-argument',
  WRONGTYPE: 'invalid-argument',
  NOPERM: 'unsupported',
  LOADING: 'unavailable',
  BUSY: 'unavailable',
  READONLY: 'unavailable',
  MASTERDOWN: 'unavailable',
  CLUSTERDOWN: 'unavailable',
  TRYAGAIN: 'unavailable',
  NOREPLICAS: 'unavailable',
  OOM: 'unavailable',
  MISCONF: 'unavailable',
};

/** Replies whose first word does not say enough. */
const repliesInWords: readonly { readonly reply: RegExp; readonly code: ErrorCode; readonly hint?: string }[] = [
  { reply: /^ERR unknown (sub)?command/i, code: 'unsupported' },
  { reply: /^CROSSSLOT/, code: 'invalid-argument', hint: 'in a cluster these keys need one {hash tag}' },
  { reply: /invalid bulk length/i, code: 'invalid-argument', hint: 'a value is larger than its proto-max-bulk-len' },
  { reply: /max number of clients/i, code: 'unavailable', hint: 'raise its maxclients, or use fewer connections' },
];

/** What a failed command means to the caller of the API. The values that were sent are in neither message nor cause. */
export function commandFailure(error: unknown, address: string): ComponentError {
  if (ComponentError.is(error)) return error;
  if (error instanceof Error && error.name === 'ReplyError') {
    // the client library keeps the arguments there: values of users, and passwords of AUTH
    Reflect.deleteProperty(error, 'command');
    const message = error.message.replace(/, with args beginning with:.*/s, '');
    error.message = message;
    const known = repliesInWords.find(({ reply }) => reply.test(message));
    const code = known?.code ?? codeOfReply[/^[A-Z]+/.exec(message)?.[0] ?? ''];
    const hint = known?.hint === undefined ? '' : `: ${known.hint}`;
    return new ComponentError(code ?? 'internal', `Redis at ${address} answered "${message}"${hint}`, { cause: error });
  }
  if (isSilence(error)) {
    return new ComponentError('deadline-exceeded', `Redis at ${address} did not answer within readTimeout`, {
      cause: error,
    });
  }
  return new ComponentError('unavailable', `lost the connection to Redis at ${address}`, { cause: error });
}

/** The same for an error reply that came as a text, without the error that the client library makes of it. */
export function replyFailure(reply: string, address: string): ComponentError {
  const error = new Error(reply);
  error.name = 'ReplyError';
  return commandFailure(error, address);
}

type Login = Pick<RedisMetadata, 'enableTLS' | 'clientCert'>;

/** Why the first connection could not be made, and what to do about it. */
export function connectFailure(error: unknown, address: string, login: Login): ComponentError {
  if (ComponentError.is(error)) return error;
  // a cluster's error keeps what went wrong at a node beside it
  const inner = (error as { lastNodeError?: unknown } | undefined)?.lastNodeError;
  if (inner !== undefined) return connectFailure(inner, address, login);
  const reason = errorMessage(error).replace(/\.+$/, '');
  if (isReplyError(error)) {
    const failure = commandFailure(error, address);
    if (reason.startsWith('NOAUTH'))
      return refused(`Redis at ${address} wants a login: set redisPassword`, failure.cause);
    if (/^WRONGPASS|invalid password|invalid username-password/i.test(reason)) {
      return refused(`Redis at ${address} refused the login: check redisUsername and redisPassword`, failure.cause);
    }
    if (/cluster support disabled/i.test(reason)) {
      return refused(`Redis at ${address} is not a cluster: leave out redisType, or set it to node`, failure.cause);
    }
    if (/DB index/i.test(reason))
      return refused(`Redis at ${address} has no such database: check redisDB`, failure.cause);
    return failure;
  }
  if (
    reason.startsWith('All sentinels') &&
    /WRONGPASS|NOAUTH|invalid password|invalid username-password/i.test(reason)
  ) {
    return refused(`the sentinels ${address} refused the login: check sentinelUsername and sentinelPassword`, error);
  }
  const code = (error as { code?: string } | undefined)?.code ?? '';
  if (/PEM|X509|ASN1|KEY_VALUES_MISMATCH/i.test(code)) {
    return refused(`clientCert and clientKey cannot be used for Redis at ${address}: ${reason}`, error);
  }
  const fix = fixFor(error, `${reason} ${code}`, login);
  return new ComponentError('unavailable', `cannot reach Redis at ${address}: ${reason}. ${fix}`, { cause: error });
}

function fixFor(error: unknown, reason: string, { enableTLS, clientCert }: Login): string {
  if (/alert/i.test(reason)) {
    return clientCert === undefined
      ? 'Does it want a client certificate? See clientCert and clientKey.'
      : 'It does not accept the certificate in clientCert.';
  }
  if (/CERT|self.signed|altnames|ISSUER/i.test(reason)) {
    return 'Its certificate is not trusted: add the authority to NODE_EXTRA_CA_CERTS, or set insecureSkipTLSVerify for a test.';
  }
  if (/SSL|TLS/.test(reason) || (enableTLS && /TIMEDOUT|closed|ECONNRESET/.test(reason))) {
    return 'Does it speak TLS on that port? See enableTLS.';
  }
  if (isSilence(error)) return 'It accepts connections but does not answer.';
  if (reason.startsWith('All sentinels'))
    return 'Are the sentinels running, and are redisHost and sentinelMasterName right?';
  if (/closed|ECONNRESET|EPIPE/i.test(reason))
    return 'The server closed the connection: does it want TLS (enableTLS), or take no more connections (maxclients)?';
  return 'Is it running, and is redisHost right?';
}

function refused(message: string, cause: unknown): ComponentError {
  return new ComponentError('invalid-argument', message, { cause });
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Socket timeout');
}
