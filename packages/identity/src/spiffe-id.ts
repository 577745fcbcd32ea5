import type { PeerIdentity } from '@outrigger/runtime';

const scheme = 'spiffe://';
const maxTrustDomain = 255;
/** In bytes; an id has one byte per character. */
const maxLength = 2048;

/**
 * A SPIFFE id: `spiffe://<trust domain>/<path>`. Strict as the SPIFFE-ID standard has it: lower case scheme and trust domain, no port,
 * user, query, fragment or percent-encoding, no empty, `.` or `..` segment, no slash at the end. Two ids are the same exactly when
 * their texts are.
 */
export class SpiffeId {
  readonly trustDomain: string;
  /** Starts with `/`; empty for the id of the trust domain itself. */
  readonly path: string;

  private constructor(trustDomain: string, path: string) {
    this.trustDomain = trustDomain;
    this.path = path;
  }

  /** Throws TypeError when the text is no SPIFFE id; the message says why. */
  static parse(text: string): SpiffeId {
    const fail = (reason: string): never => {
      throw new TypeError(`not a SPIFFE id: "${text.slice(0, 200)}": ${reason}`);
    };
    if (!text.startsWith(scheme)) fail(`it must begin with ${scheme}`);
    if (text.length > maxLength) fail(`longer than ${maxLength} bytes`);
    const slash = text.indexOf('/', scheme.length);
    const trustDomain = slash === -1 ? text.slice(scheme.length) : text.slice(scheme.length, slash);
    const path = slash === -1 ? '' : text.slice(slash);
    const wrong = wrongTrustDomain(trustDomain) ?? wrongPath(path);
    if (wrong !== undefined) fail(wrong);
    return new SpiffeId(trustDomain, path);
  }

  /** The id of an app: `spiffe://<trustDomain>/ns/<namespace>/<appId>`. Throws TypeError when a part cannot be in an id. */
  static ofApp({ trustDomain, namespace, appId }: PeerIdentity): SpiffeId {
    for (const [name, value] of Object.entries({ namespace, appId })) {
      const wrong = wrongSegment(value);
      if (wrong !== undefined) throw new TypeError(`the ${name} "${value}" cannot be part of a SPIFFE id: ${wrong}`);
    }
    const wrong = wrongTrustDomain(trustDomain);
    if (wrong !== undefined) throw new TypeError(`"${trustDomain}" cannot be a trust domain: ${wrong}`);
    return SpiffeId.parse(`${scheme}${trustDomain}/ns/${namespace}/${appId}`);
  }

  /** Whose id it is, when it is an app's: `/ns/<namespace>/<appId>`; else `undefined`. */
  get app(): PeerIdentity | undefined {
    const [, ns, namespace, appId, ...rest] = this.path.split('/');
    if (ns !== 'ns' || namespace === undefined || appId === undefined || rest.length > 0) return undefined;
    return { trustDomain: this.trustDomain, namespace, appId };
  }

  toString(): string {
    return `${scheme}${this.trustDomain}${this.path}`;
  }
}

function wrongTrustDomain(text: string): string | undefined {
  if (text === '') return 'it has no trust domain';
  if (text.length > maxTrustDomain) return `the trust domain is longer than ${maxTrustDomain} bytes`;
  if (!/^[a-z0-9._-]+$/.test(text))
    return 'the trust domain may have lower case letters, digits, ".", "-" and "_" only';
  return undefined;
}

function wrongPath(path: string): string | undefined {
  if (path === '') return undefined;
  for (const segment of path.slice(1).split('/')) {
    const wrong = wrongSegment(segment);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function wrongSegment(segment: string): string | undefined {
  if (segment === '') return 'a part of its path is empty';
  if (segment === '.' || segment === '..') return `a part of its path is "${segment}"`;
  if (!/^[A-Za-z0-9._-]+$/.test(segment)) return 'its path may have letters, digits, ".", "-" and "_" only';
  return undefined;
}
