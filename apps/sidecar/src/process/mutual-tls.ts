import type { Logger } from '@outrigger/core';
import type * as identity from '@outrigger/identity';
import type { MutualTls, TrustAnchors } from '@outrigger/identity';
import type { Configuration, Metrics } from '@outrigger/runtime';

import type { Flags } from './flag-table.ts';
import { SettingError } from './setting-error.ts';

export interface MutualTlsSettings {
  readonly flags: Flags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly appId: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What of the Configuration matters to who this sidecar is and whom it lets in. */
interface ConfiguredTrust {
  readonly sentryAddress: string | undefined;
  readonly controlPlaneTrustDomain: string | undefined;
  readonly trustDomain: string | undefined;
  readonly otherTrustDomains: readonly string[];
}

/** A sidecar's mutual TLS, with the trust anchors that belong to it. */
export interface SidecarTls extends AsyncDisposable {
  readonly mutualTls: MutualTls;
}

/**
 * Gets a certificate, for `--enable-mtls`. What of the setting stands on the command line goes before the environment, and that before the
 * Configuration. Rejects with what the user has to mend, or when no certificate is to be had.
 */
export async function startMutualTls(
  settings: MutualTlsSettings,
  configuration: Configuration,
  signal: AbortSignal,
): Promise<SidecarTls> {
  const { appId, env, flags, logger, metrics } = settings;
  const configured = trustOf(configuration);
  const address = flags['sentry-address'] || configured.sentryAddress;
  if (!address) {
    throw new SettingError(
      `--enable-mtls needs the address of the certificate authority: --sentry-address host:port, or sentryAddress in spec.mtls of the Configuration${env['DAPR_TRUST_ANCHORS_FILE'] || env['DAPR_TRUST_ANCHORS'] ? '' : `; and ${needsAnchors}`}`,
    );
  }
  if (!/^[^\s/]+:\d{1,5}$/.test(address)) {
    throw new SettingError(`--sentry-address is "${address}": it has to be host:port`);
  }
  const { MutualTls: Tls, fixedTrustAnchors, trustAnchorsFile } = await import('@outrigger/identity');
  const trustAnchors = await readTrustAnchors(env, logger, { fixedTrustAnchors, trustAnchorsFile });
  try {
    const options = {
      address,
      controlPlaneTrustDomain:
        flags['control-plane-trust-domain'] ??
        (env['DAPR_CONTROLPLANE_TRUST_DOMAIN'] || configured.controlPlaneTrustDomain || 'localhost'),
      controlPlaneNamespace: flags['control-plane-namespace'] ?? (env['DAPR_CONTROLPLANE_NAMESPACE'] || 'default'),
      trustAnchors,
      appId,
      namespace: env['NAMESPACE'] || 'default',
      trustDomain: configured.trustDomain ?? 'public',
      otherTrustDomains: configured.otherTrustDomains,
      token: { file: env['DAPR_SENTRY_TOKEN_FILE'], kubernetes: flags.mode.toLowerCase() === 'kubernetes' },
      logger,
      metrics,
    };
    const mutualTls = await Tls.start(options, signal);
    return {
      mutualTls,
      [Symbol.asyncDispose]: async () => {
        await mutualTls[Symbol.asyncDispose]();
        await trustAnchors[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await trustAnchors[Symbol.asyncDispose]();
    throw error;
  }
}

/** What the Configuration asks for without `--enable-mtls`, which alone decides, as in Dapr. */
export function plaintextNotice({ sections }: Configuration): string | undefined {
  if (record(sections['mtls'])['enabled'] !== true) return undefined;
  return 'spec.mtls of the Configuration is enabled, but this sidecar speaks plaintext with others: start it with --enable-mtls';
}

const needsAnchors =
  'the root certificates that are trusted: DAPR_TRUST_ANCHORS_FILE with the path of a PEM file, or DAPR_TRUST_ANCHORS with the PEM itself';

async function readTrustAnchors(
  env: MutualTlsSettings['env'],
  logger: Logger,
  { fixedTrustAnchors, trustAnchorsFile }: Pick<typeof identity, 'fixedTrustAnchors' | 'trustAnchorsFile'>,
): Promise<TrustAnchors> {
  const { DAPR_TRUST_ANCHORS: text, DAPR_TRUST_ANCHORS_FILE: file } = env;
  if (text && file) logger.debug('DAPR_TRUST_ANCHORS is not used: there is DAPR_TRUST_ANCHORS_FILE');
  try {
    if (file) return await trustAnchorsFile(file, logger);
    if (text) return fixedTrustAnchors(text, 'the environment variable DAPR_TRUST_ANCHORS');
  } catch (error) {
    throw new SettingError(`the trust anchors: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new SettingError(`--enable-mtls needs ${needsAnchors}`);
}

function trustOf({ sections, accessControl }: Configuration): ConfiguredTrust {
  const mtls = record(sections['mtls']);
  return {
    sentryAddress: text(mtls['sentryAddress']),
    controlPlaneTrustDomain: text(mtls['controlPlaneTrustDomain']),
    trustDomain: accessControl?.trustDomain,
    otherTrustDomains: accessControl?.policies.map(({ trustDomain }) => trustDomain) ?? [],
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
