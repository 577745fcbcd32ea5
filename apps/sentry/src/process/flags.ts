import { parseArgs } from 'node:util';

import { errorMessage, parseDuration } from '@outrigger/core';
import { SpiffeId } from '@outrigger/identity/spiffe-id';

import { type JwksSection, longestValidity, type MtlsSection } from './mtls-section.ts';
import { oneLine } from './one-line.ts';

const options = {
  port: { type: 'string', default: '50001' },
  'listen-address': { type: 'string', default: '127.0.0.1' },
  'healthz-port': { type: 'string' },
  config: { type: 'string' },
  'issuer-credentials': { type: 'string' },
  'issuer-ca-filename': { type: 'string', default: 'ca.crt' },
  'issuer-certificate-filename': { type: 'string', default: 'issuer.crt' },
  'issuer-key-filename': { type: 'string', default: 'issuer.key' },
  'trust-domain': { type: 'string' },
  'control-plane-namespace': { type: 'string', default: 'default' },
  'workload-cert-ttl': { type: 'string' },
  'allowed-clock-skew': { type: 'string' },
  'token-validator': { type: 'string', multiple: true, default: [] as string[] },
  'jwks-source': { type: 'string' },
  'workload-trust-domain': { type: 'string', default: 'public' },
  'anchors-lead': { type: 'string', default: '30s' },
  'log-level': { type: 'string', default: 'info' },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Of flags whose value may come from the Configuration. */
const fallbacks: Readonly<Record<string, string>> = {
  'trust-domain': 'localhost',
  'workload-cert-ttl': '24h',
  'allowed-clock-skew': '15m',
};

const help: Readonly<Record<keyof typeof options, string>> = {
  port: 'Port on which certificates are given out; 0 picks a free one',
  'listen-address': 'Address to bind; 0.0.0.0 lets other machines ask',
  'healthz-port': 'Port of /healthz; not given: none',
  config: 'File with a Configuration whose spec.mtls is read; flags go before it',
  'issuer-credentials':
    'Folder with ca.crt, issuer.crt and issuer.key, which are made when missing; not given: in memory',
  'issuer-ca-filename': 'Name of the file with the roots',
  'issuer-certificate-filename': "Name of the file with the issuer's certificate",
  'issuer-key-filename': "Name of the file with the issuer's key",
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

/** Milliseconds; a timer takes no more than 24.8 days. */
const longestLead = 576 * 3_600_000;

/** A command line that cannot be used; the message says what would be right. */
class FlagError extends Error {
  override readonly name = 'FlagError';

  constructor(message: string) {
    super(oneLine(message));
  }
}

export interface Flags {
  /** `rotate-root`, or `undefined`: serve. */
  readonly command: 'rotate-root' | undefined;
  readonly port: number;
  readonly listenAddress: string;
  readonly healthPort: number | undefined;
  readonly issuerCredentials: string | undefined;
  readonly issuerFileNames: { readonly trustAnchors: string; readonly issuerChain: string; readonly issuerKey: string };
  readonly trustDomain: string;
  readonly controlPlaneNamespace: string;
  /** Milliseconds. */
  readonly workloadTtl: number;
  /** Milliseconds. */
  readonly allowedClockSkew: number;
  readonly validators: readonly ('insecure' | 'jwks' | 'kubernetes')[];
  readonly jwks: JwksSection | undefined;
  readonly workloadTrustDomain: string;
  /** Milliseconds. */
  readonly anchorsLead: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly version: boolean;
  readonly help: boolean;
}

/** The file that `--config` names. Throws a {@link FlagError}. */
export function configFile(args: readonly string[]): string | undefined {
  const { config } = parsed(args).values;
  return config === undefined ? undefined : given('config', config, 'a file');
}

/**
 * Throws a {@link FlagError}. As by Dapr's: in Kubernetes its validator is in use, elsewhere everybody is taken at their word, unless a
 * validator is named or configured.
 */
export function parseFlags(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  configured: MtlsSection = {},
): Flags {
  const { values, positionals } = parsed(args);
  const [command, ...more] = positionals;
  if ((command !== undefined && command !== 'rotate-root') || more.length > 0) {
    throw new FlagError(`unexpected argument "${positionals.join(' ')}": the only command is rotate-root`);
  }
  if (command === 'rotate-root' && values['issuer-credentials'] === undefined) {
    throw new FlagError('rotate-root needs --issuer-credentials: the folder whose root is to be replaced');
  }
  const known = ['insecure', 'jwks', 'kubernetes'] as const;
  const inKubernetes = Boolean(env['KUBERNETES_SERVICE_HOST']);
  const usual = configured.jwks === undefined ? [inKubernetes ? 'kubernetes' : 'insecure'] : ['jwks'];
  if (inKubernetes && configured.jwks !== undefined) usual.unshift('kubernetes');
  const named = values['token-validator'].length > 0 ? values['token-validator'] : usual;
  const validators = named.map((name) => oneOf('token-validator', name, known));
  const source = values['jwks-source'] ?? configured.jwks?.source;
  if (validators.includes('jwks') && source === undefined) {
    throw new FlagError('--token-validator jwks needs --jwks-source: a URL, a file, or the JSON of a JSON Web Key Set');
  }
  const time = (name: 'workload-cert-ttl' | 'allowed-clock-skew', least: number) =>
    duration(name, values[name] ?? fallbacks[name] ?? '', { least, most: longestValidity });
  const trustDomain = values['trust-domain'] ?? configured.trustDomain ?? fallbacks['trust-domain'] ?? '';
  const namespace = values['control-plane-namespace'];
  identity('trust-domain', { trustDomain });
  identity('control-plane-namespace', { namespace });
  identity('workload-trust-domain', { trustDomain: values['workload-trust-domain'] });
  const health = values['healthz-port'];
  const folder = values['issuer-credentials'];
  return {
    command,
    port: port('port', values.port),
    listenAddress: given('listen-address', values['listen-address'], 'an address of this machine such as 127.0.0.1'),
    healthPort: health === undefined ? undefined : port('healthz-port', health),
    issuerCredentials: folder === undefined ? undefined : given('issuer-credentials', folder, 'a folder'),
    issuerFileNames: fileNames(values),
    trustDomain,
    controlPlaneNamespace: namespace,
    workloadTtl: givenOr(values['workload-cert-ttl'], configured.workloadTtl) ?? time('workload-cert-ttl', 1000),
    allowedClockSkew:
      givenOr(values['allowed-clock-skew'], configured.allowedClockSkew) ?? time('allowed-clock-skew', 0),
    validators,
    jwks: source === undefined ? undefined : { ...configured.jwks, source },
    workloadTrustDomain: values['workload-trust-domain'],
    anchorsLead: duration('anchors-lead', values['anchors-lead'], { least: 0, most: longestLead }),
    logLevel: oneOf('log-level', values['log-level'], ['debug', 'info', 'warn', 'error']),
    version: values.version,
    help: values.help,
  };
}

/** All flags with what they mean and their defaults. */
export function usage(): string {
  const lines = Object.entries(options).map(([name, option]) => {
    const preset = 'default' in option && typeof option.default === 'string' ? option.default : fallbacks[name];
    const usual = preset === undefined ? '' : ` [${preset}]`;
    return `  --${name.padEnd(30)}${help[name as keyof typeof options]}${usual}`;
  });
  return [
    'outrigger-sentry [flags]              give out certificates',
    'outrigger-sentry rotate-root [flags]  put a new root in the place of the one in --issuer-credentials; both are trusted then',
    '',
    ...lines,
    '',
  ].join('\n');
}

/** What is configured, unless the flag is given. */
function givenOr<V>(flag: string | undefined, configured: V | undefined): V | undefined {
  return flag === undefined ? configured : undefined;
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

/** `least` and `most` are milliseconds. */
function duration(name: string, text: string, { least, most }: { least: number; most: number }): number {
  const milliseconds = parseDuration(text, 'ms');
  if (milliseconds !== undefined && milliseconds >= least && milliseconds <= most) return milliseconds;
  const bounds = [...(least > 0 ? [`at least ${least}ms`] : []), `at most ${most / 3_600_000}h`].join(', ');
  throw new FlagError(`--${name}: expected a duration such as "24h" or "90s", ${bounds}, not "${text}"`);
}

function given(name: string, text: string, expected: string): string {
  if (text !== '' && text === oneLine(text)) return text;
  throw new FlagError(`--${name}: expected ${expected}, not "${text}"`);
}

/** Throws unless the part can stand in a SPIFFE id. */
function identity(name: string, part: { readonly trustDomain: string } | { readonly namespace: string }): void {
  try {
    SpiffeId.ofApp({ trustDomain: 'localhost', namespace: 'default', appId: 'dapr-sentry', ...part });
  } catch (error) {
    throw new FlagError(`--${name}: ${errorMessage(error)}`);
  }
}

/** One overwrites no other, and none lies outside of the folder. */
function fileNames(values: ReturnType<typeof parsed>['values']): Flags['issuerFileNames'] {
  const flags = ['issuer-ca-filename', 'issuer-certificate-filename', 'issuer-key-filename'] as const;
  for (const [index, flag] of flags.entries()) {
    const name = values[flag];
    if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) {
      throw new FlagError(
        `--${flag}: expected the name of a file in the folder of --issuer-credentials, not "${name}"`,
      );
    }
    const other = flags.slice(0, index).find((one) => values[one] === name);
    if (other !== undefined) throw new FlagError(`--${flag} and --${other} are both "${name}": give each its own`);
  }
  return {
    trustAnchors: values['issuer-ca-filename'],
    issuerChain: values['issuer-certificate-filename'],
    issuerKey: values['issuer-key-filename'],
  };
}

function oneOf<const V extends string>(name: string, text: string, values: readonly V[]): V {
  const found = values.find((value) => value === text.toLowerCase());
  if (found !== undefined) return found;
  throw new FlagError(`--${name}: expected ${values.join(', ')}, not "${text}"`);
}
