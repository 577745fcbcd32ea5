import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { HttpError } from './http-error.ts';

const safeMethods = new Set(['GET', 'HEAD']);

/**
 * Who may use the dashboard: a browser that was opened once with the token in the address, and from then on shows it in a cookie. Pages
 * of other sites can neither read it nor make it do something, also when they have their own name resolve to this machine.
 */
export class Access {
  readonly cookieName: string;
  readonly #token: string;
  readonly #hosts: ReadonlySet<string>;

  constructor(token: string, port: number) {
    this.#token = token;
    // cookies are shared by all ports of a host
    this.cookieName = `outrigger-dashboard-${port}`;
    this.#hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]);
  }

  /** Throws 421 for a name of this machine that is not its own: whoever resolves it to here is not to be trusted. */
  checkHost({ headers: { host = '' } }: IncomingMessage): void {
    if (this.#hosts.has(host.toLowerCase())) return;
    throw new HttpError(421, 'this address is not served; open the one that the command has printed');
  }

  /** Throws 403 for what another site has a browser send; also for what changes something and does not say where it comes from. */
  checkOrigin({ method = '', headers }: IncomingMessage): void {
    const { host = '', origin } = headers;
    const isSafe = safeMethods.has(method);
    const site = headers['sec-fetch-site'];
    const isForeign = site === 'cross-site' || site === 'same-site';
    if (origin === undefined ? isSafe && !isForeign : origin === `http://${host.toLowerCase()}`) return;
    throw new HttpError(403, 'requests of other sites are refused');
  }

  /** Throws 403 for anything that a browser sends by itself for a page. What is let in has no cookie to misuse, but could fill memory. */
  refuseBrowsers({ headers }: IncomingMessage): void {
    if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return;
    throw new HttpError(403, 'traces are taken from programs, not from pages');
  }

  isToken(given: string): boolean {
    return timingSafeEqual(digest(given), digest(this.#token));
  }

  /** Throws 401 without the cookie. */
  checkCookie({ headers: { cookie = '' } }: IncomingMessage): void {
    const prefix = `${this.cookieName}=`;
    const values = cookie.split(';').flatMap((one) => (one.trim().startsWith(prefix) ? [one.trim()] : []));
    if (values.some((value) => this.isToken(value.slice(prefix.length)))) return;
    throw new HttpError(401, 'open the address with the token that the command has printed');
  }

  /** For whoever has shown the token. */
  get cookie(): string {
    return `${this.cookieName}=${this.#token}; Path=/; HttpOnly; SameSite=Strict`;
  }
}

/** So that texts of any length take the same time to compare. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
