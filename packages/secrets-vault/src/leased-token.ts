import { setTimeout as delay } from 'node:timers/promises';
import {
  abortable,
  type Backoff,
  ComponentError,
  errorMessage,
  exponentialBackoff,
  type Logger,
} from '@outrigger/core';
import { knownLease, type Lease, renewalDue, renewedLease } from './lease.ts';
import type { TokenSource } from './token-source.ts';
import type { VaultClient } from './vault-client.ts';
import { complaint, replyFailure, saysBadToken } from './vault-failure.ts';

export interface LeasedTokenOptions {
  readonly client: VaultClient;
  readonly logger: Logger;
  /** Gets a new token. Without it the token is a given one, which can only be renewed. */
  readonly login?: (signal: AbortSignal) => Promise<Lease>;
}

const firstWait = exponentialBackoff({ initialInterval: 1000, multiplier: 2, maxInterval: 30_000 });
/** How often a clock that was set or a machine that slept is noticed. */
const longestSleep = 60 * 60 * 1000;

/**
 * A token that is renewed before it ends; where that is not possible (any longer), a new login replaces it. A renewal that fails
 * is tried again while there is time; the log says once that it fails and once that it works again.
 */
export class LeasedToken implements TokenSource {
  readonly #options: LeasedTokenOptions;
  readonly #closing = new AbortController();
  #lease: Lease;
  #loggingIn: Promise<void> | undefined;
  readonly #keeping: Promise<void>;

  private constructor(options: LeasedTokenOptions, lease: Lease) {
    this.#options = options;
    this.#lease = lease;
    this.#keeping = this.#keep();
  }

  /** Signs in. */
  static async login(
    options: LeasedTokenOptions & Required<Pick<LeasedTokenOptions, 'login'>>,
    signal: AbortSignal,
  ): Promise<LeasedToken> {
    return new LeasedToken(options, await options.login(signal));
  }

  /** Asks how long the token is good for. Rejects with `invalid-argument` when Vault does not know it. */
  static async given(token: string, options: LeasedTokenOptions, signal: AbortSignal): Promise<LeasedToken> {
    const reply = await lookUp(options.client, token, signal);
    // a token may be one that may not look itself up
    if (reply.status === 403 && !saysBadToken(reply)) {
      return new LeasedToken(options, knownLease(token, ''));
    }
    if (reply.status !== 200) {
      const failure = replyFailure(reply, {
        what: 'accept vaultToken',
        path: 'auth/token/lookup-self',
        capability: 'read',
        address: options.client.address,
      });
      throw failure;
    }
    return new LeasedToken(options, knownLease(token, reply.text));
  }

  async token(signal: AbortSignal): Promise<string> {
    if (this.#options.login !== undefined && Date.now() >= this.#lease.endsAt) {
      await abortable(this.#loginOnce(), signal);
    }
    return this.#lease.token;
  }

  async replace(token: string, signal: AbortSignal): Promise<boolean> {
    if (this.#lease.token !== token) return true;
    if (this.#options.login === undefined) return false;
    const reply = await lookUp(this.#options.client, token, signal);
    // who may not look at himself may be one whom an older Vault does not know: worth a login, but not at each refusal
    const { endsAt, duration } = this.#lease;
    const isYoung = Date.now() - (endsAt - duration) < 60_000;
    if (reply.status !== 403 || (isYoung && !saysBadToken(reply))) return false;
    if (this.#lease.token === token) await abortable(this.#loginOnce(), signal);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new ComponentError('unavailable', 'the component is closed'));
    await Promise.allSettled([this.#keeping, this.#loggingIn]);
  }

  /** One login at a time, whoever needs it. */
  #loginOnce(): Promise<void> {
    this.#loggingIn ??= this.#login().finally(() => {
      this.#loggingIn = undefined;
    });
    return this.#loggingIn;
  }

  async #login(): Promise<void> {
    const { login, logger } = this.#options;
    if (login === undefined) return;
    this.#lease = await login(this.#closing.signal);
    logger.debug('signed in to Vault again');
  }

  /** Resolves when the component closes; never rejects. */
  async #keep(): Promise<void> {
    const { logger } = this.#options;
    let wait: Backoff | undefined;
    let told: Lease | undefined;
    let hasWarned = false;
    while (!this.#closing.signal.aborted) {
      const lease = this.#lease;
      try {
        await this.#sleep(renewalDue(lease) - Date.now());
        if (Date.now() < renewalDue(this.#lease)) continue;
        if (this.#options.login === undefined && !lease.isRenewable) {
          if (told !== lease) this.#tellEnd(lease);
          told = lease;
          await this.#sleep(longestSleep);
          continue;
        }
        await this.#prolong();
        if (hasWarned) logger.info('the token for Vault is renewed again');
        hasWarned = false;
        wait = undefined;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        // that the server is gone is said already
        if (!hasWarned && !this.#options.client.isGone) {
          hasWarned = true;
          logger.warn(`the token for Vault could not be renewed; trying again: ${errorMessage(error)}`, { error });
        }
        wait = wait === undefined ? firstWait : wait.next();
        const left = this.#lease.endsAt - Date.now();
        const pause = left > 0 ? Math.min(wait.delay(), Math.max(500, left / 3)) : wait.delay();
        await this.#sleep(pause).catch(() => {});
      }
    }
  }

  /** Renews, else signs in anew. Rejects when neither can be done now. */
  async #prolong(): Promise<void> {
    const lease = this.#lease;
    const { client, login, logger } = this.#options;
    if (lease.isRenewable) {
      const body = { increment: `${Math.round(lease.wanted / 1000)}s` };
      const reply = await client.send(
        { method: 'POST', path: 'auth/token/renew-self', token: lease.token, body },
        this.#closing.signal,
      );
      const renewed = reply.status === 200 ? renewedLease(lease, reply.text) : undefined;
      // a token cannot be renewed past its greatest age: close to it the end moves less and less
      const gained = renewed === undefined ? 0 : renewed.endsAt - lease.endsAt;
      if (renewed !== undefined && (login === undefined || gained >= lease.wanted / 2)) {
        this.#lease = gained < lease.wanted / 10 ? { ...renewed, isRenewable: false } : renewed;
        logger.debug('the token for Vault is renewed');
        return;
      }
      if (login === undefined) {
        const asked = { what: 'renew the token', path: 'auth/token/renew-self', capability: 'update' };
        const failure = replyFailure(reply, { ...asked, address: client.address });
        // which Vault answers with status 500
        if (failure.retryable && !/max ttl/i.test(complaint(reply))) throw failure;
        this.#lease = { ...lease, isRenewable: false };
        return;
      }
    }
    await this.#loginOnce();
  }

  #tellEnd({ endsAt }: Lease): void {
    if (endsAt === Infinity) return;
    const end = new Date(endsAt).toISOString();
    this.#options.logger.warn(
      `the token in vaultToken cannot be renewed (any longer) and ends at ${end}: give a periodic one, a vaultTokenMountPath that somebody renews, or sign in with vaultAuthMethod`,
    );
  }

  /** Rejects when the component closes. Does not keep the process alive. */
  async #sleep(milliseconds: number): Promise<void> {
    const time = Math.min(Math.max(milliseconds, 0), longestSleep);
    await delay(time, undefined, { ref: false, signal: this.#closing.signal });
  }
}

function lookUp(client: VaultClient, token: string, signal: AbortSignal) {
  return client.send({ method: 'GET', path: 'auth/token/lookup-self', token }, signal);
}
