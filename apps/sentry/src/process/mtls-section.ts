import { parseDuration, silentLogger } from '@outrigger/core';

/** Milliseconds, of what X.509 certificates are given: ten years, which keeps their dates within four digits. */
export const longestValidity = 87_600 * 3_600_000;

/** What stands in `spec.mtls` of a Configuration; absent: nothing does. */
export interface MtlsSection {
  /** Milliseconds. */
  readonly workloadTtl?: number;
  /** Milliseconds. */
  readonly allowedClockSkew?: number;
  readonly trustDomain?: string;
  /** Options of `jwks`, the only validator that can be configured. */
  readonly jwks?: JwksSection;
}

export interface JwksSection {
  readonly source: string;
  readonly caCertificate?: string;
  /** Milliseconds. */
  readonly minRefreshInterval?: number;
  /** Milliseconds. */
  readonly requestTimeout?: number;
}

/** Reads `spec.mtls` of the Configuration in a file, as Dapr's Sentry does. Throws an Error that names file and field. */
export async function readMtlsSection(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<MtlsSection> {
  // it reads YAML, which a start without a Configuration can do without
  const { loadConfiguration, Problems } = await import('@outrigger/runtime');
  const problems = new Problems();
  const { sections } = await loadConfiguration({ files: [file], env, problems, logger: silentLogger });
  problems.throwIfAny();
  const wrong = (field: string, message: string) => new Error(`${file}: spec.mtls.${field}: ${message}`);
  const mtls = record(sections['mtls']);
  const time = (field: string, value: unknown, least = 0): number | undefined => {
    if (value === undefined || value === '') return undefined;
    const found = typeof value === 'string' ? parseDuration(value, 'ms') : undefined;
    if (found !== undefined && found >= least && found <= longestValidity) return found;
    const bounds = `${least > 0 ? `, at least ${least}ms` : ''}, at most ${longestValidity / 3_600_000}h`;
    throw wrong(field, `expected a duration such as "24h"${bounds}`);
  };
  const workloadTtl = time('workloadCertTTL', mtls['workloadCertTTL'], 1000);
  const allowedClockSkew = time('allowedClockSkew', mtls['allowedClockSkew']);
  const trustDomain = text(mtls['controlPlaneTrustDomain']);
  const entries = mtls['tokenValidators'] ?? [];
  if (!Array.isArray(entries)) throw wrong('tokenValidators', 'expected a list of validators with name and options');
  const [entry, ...more] = entries.map(record);
  if (more.length > 0) throw wrong('tokenValidators', 'only one validator can be configured, jwks');
  let jwks: JwksSection | undefined;
  if (entry !== undefined) {
    const name = text(entry['name'])?.toLowerCase() ?? '';
    if (name === 'kubernetes' || name === 'insecure') {
      throw wrong('tokenValidators', `${name} cannot be configured here; choose it with --token-validator`);
    }
    if (name !== 'jwks') throw wrong('tokenValidators', `there is no validator ${JSON.stringify(name)}; use jwks`);
    const options = record(entry['options']);
    const source = text(options['source']);
    if (source === undefined) {
      throw wrong('tokenValidators.options.source', 'a URL, a file, or the JSON of a JSON Web Key Set is missing');
    }
    const caCertificate = text(options['caCertificate']);
    const at = 'tokenValidators.options';
    const minRefreshInterval = time(`${at}.minRefreshInterval`, options['minRefreshInterval'], 1000);
    const requestTimeout = time(`${at}.requestTimeout`, options['requestTimeout'], 1);
    jwks = {
      source,
      ...(caCertificate !== undefined && { caCertificate }),
      ...(minRefreshInterval !== undefined && { minRefreshInterval }),
      ...(requestTimeout !== undefined && { requestTimeout }),
    };
  }
  return {
    ...(workloadTtl !== undefined && { workloadTtl }),
    ...(allowedClockSkew !== undefined && { allowedClockSkew }),
    ...(trustDomain !== undefined && { trustDomain }),
    ...(jwks !== undefined && { jwks }),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
