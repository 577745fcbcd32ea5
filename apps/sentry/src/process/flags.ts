import { parseArgs } from 'node:util';

import { parseDuration } from '@outrigger/core';

const options = {
  port: { type: 'string', default: '50001' },
  'listen-address': { type: 'string', default: '127.0.0.1' },
  'healthz-port': { type: 'string' },
  'issuer-credentials': { type: 'string' },
  'trust-domain': { type: 'string', default: 'localhost' },
  'control-plane-namespace': { type: 'string', default: 'default' },
  'workload-cert-ttl': { type: 'string', default: '24h' },
  'allowed-clock-skew': { type: 'string', default: '15m' },
  'token-validator': { type: 'string', multiple: true, default: [] as string[] },
  'jwks-source': { type: 'string' },
  'workload-trust-domain': { type: 'string', default: 'public' },
  'anchors-lead': { type: 'string', default: '30s' },
  'log-level': { type: 'string', default: 'info' },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const help: Readonly<Record<keyof typeof options, string>> = {
  port: 'Port on which certificates are given out; 0 picks a free one',
  'listen-address': 'Address to bind; 0.0.0.0 lets other machines ask',
  'healthz-port': 'Port of /healthz; not given: none',
  'issuer-credentials':
    'Folder with ca.crt, issuer.crt and issuer.key, which are made when missing; not given: in memory',
  'trust-domain': "Trust domain of the control plane, which is in this authority's own certificate",
  'control-plane-namespace': 'Its namespace',
  'workload-cert-ttl': 'How long a certificate is valid',
  'allowed-clock-skew': 'How much it is dated back',
  'token-validator': 'insecure, jwks or kubernetes; repeatable, the first is for requests that name none',
  'jwks-source': 'URL, file or text of the JSON Web Key Set of the jwks validator',
  'workload-trust-domain': 'Trust domain of workloads that the kubernetes validator lets in',
  'anchors-lead': 'Of rotate-root: how long the new root is known before anybody shows a certificate under it',
  'log-level': 'debug, info, warn or error',
  version: 'Print the version',
  help: 'Print this',
};

/** A command line that cannot be used; the message says what would be right. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

export interface Flags {
  /** `rotate-root`, or `undefined`: serve. */
  readonly command: 'rotate-root' | undefined;
  readonly port: number;
  readonly listenAddress: string;
  readonly healthPort: number | undefined;
  readonly issuerCredentials: string | undefined;
  readonly trustDomain: string;
  readonly controlPlaneNamespace: string;
  /** Milliseconds. */
  readonly workloadTtl: number;
  /** Milliseconds. */
  readonly allowedClockSkew: number;
  readonly validators: readonly ('insecure' | 'jwks' | 'kubernetes')[];
  readonly jwksSource: string | undefined;
  readonly workloadTrustDomain: string;
  /** Milliseconds. */
  readonly anchorsLead: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly version: boolean;
  readonly help: boolean;
}

/** Throws a {@link FlagError}. Outside Kubernetes everybody is taken at their word unless a validator is named, as by Dapr's. */
export function parseFlags(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Flags {
  const { values, positionals } = parsed(args);
  const [command, ...more] = positionals;
  if ((command !== undefined && command !== 'rotate-root') || more.length > 0) {
    throw new FlagError(`unexpected argument "${positionals.join(' ')}": the only command is rotate-root`);
  }
  if (command === 'rotate-root' && values['issuer-credentials'] === undefined) {
    throw new FlagError('rotate-root needs --issuer-credentials: the folder whose root is to be replaced');
  }
  const known = ['insecure', 'jwks', 'kubernetes'] as const;
  const usual = env['KUBERNETES_SERVICE_HOST'] ? ['kubernetes'] : ['insecure'];
  const named = values['token-validator'].length > 0 ? values['token-validator'] : usual;
  const validators = named.map((name) => oneOf('token-validator', name, known));
  if (validators.includes('jwks') && values['jwks-source'] === undefined) {
    throw new FlagError('--token-validator jwks needs --jwks-source: a URL, a file, or the JSON of a JSON Web Key Set');
  }
  const health = values['healthz-port'];
  return {
    command,
    port: port('port', values.port),
    listenAddress: values['listen-address'],
    healthPort: health === undefined ? undefined : port('healthz-port', health),
    issuerCredentials: values['issuer-credentials'],
    trustDomain: values['trust-domain'],
    controlPlaneNamespace: values['control-plane-namespace'],
    workloadTtl: duration('workload-cert-ttl', values['workload-cert-ttl'], 1000),
    allowedClockSkew: duration('allowed-clock-skew', values['allowed-clock-skew'], 0),
    validators,
    jwksSource: values['jwks-source'],
    workloadTrustDomain: values['workload-trust-domain'],
    anchorsLead: duration('anchors-lead', values['anchors-lead'], 0),
    logLevel: oneOf('log-level', values['log-level'], ['debug', 'info', 'warn', 'error']),
    version: values.version,
    help: values.help,
  };
}

/** All flags with what they mean and their defaults. */
export function usage(): string {
  const lines = Object.entries(options).map(([name, option]) => {
    const usual = 'default' in option && typeof option.default === 'string' ? ` [${option.default}]` : '';
    return `  --${name.padEnd(26)}${help[name as keyof typeof options]}${usual}`;
  });
  return [
    'outrigger-sentry [flags]              give out certificates',
    'outrigger-sentry rotate-root [flags]  put a new root in the place of the one in --issuer-credentials; both are trusted then',
    '',
    ...lines,
    '',
  ].join('\n');
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new FlagError(`${error instanceof Error ? error.message : String(error)} (see --help)`);
  }
}

function port(name: string, text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new FlagError(`--${name}: expected a port, 0 to 65535, not "${text}"`);
}

function duration(name: string, text: string, least: number): number {
  const milliseconds = parseDuration(text, 'ms');
  if (milliseconds !== undefined && milliseconds >= least) return milliseconds;
  throw new FlagError(
    `--${name}: expected a duration such as "24h" or "90s"${least > 0 ? `, at least ${least}ms` : ''}, not "${text}"`,
  );
}

function oneOf<const V extends string>(name: string, text: string, values: readonly V[]): V {
  const found = values.find((value) => value === text.toLowerCase());
  if (found !== undefined) return found;
  throw new FlagError(`--${name}: expected ${values.join(', ')}, not "${text}"`);
}
