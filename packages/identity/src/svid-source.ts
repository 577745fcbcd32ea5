import { setTimeout as sleep } from 'node:timers/promises';

import { errorMessage, type Logger } from '@outrigger/core';
import type { Metrics } from '@outrigger/runtime';

import { createCertificateRequest, type KeyAlgorithm } from './certificate-request.ts';
import { type Sentry, SentryError } from './sentry-client.ts';
import { type Svid, svidOf } from './svid.ts';

export interface SvidSourceOptions {
  readonly sentry: Pick<Sentry, 'address' | 'sign'>;
  readonly appId: string;
  readonly namespace: string;
  /** Default: Ed25519. */
  readonly keyAlgorithm?: KeyAlgorithm;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Milliseconds for which an authority that is not there is waited for at the start. Default 30 s. */
  readonly startTimeout?: number;
}

/** Milliseconds. */
const firstRetry = 500;
const longestRetry = 30_000;
/** Clocks jump and machines sleep: the time is looked at that often. */
const longestWait = 60_000;
const shortestLife = 500;

/**
 * Has an SVID at all times: asks for one at the start and for the next, with a new key, at half the life of each, some earlier than others
 * so that not all sidecars come at once. While that fails the old one stays, and it is tried again with growing pauses.
 */
export class SvidSource implements AsyncDisposable {
  readonly #options: SvidSourceOptions;
  readonly #listeners: (() => void)[] = [];
  readonly #stopping = new AbortController();
  #current: Svid;
  #running: Promise<void> | undefined;

  private constructor(options: SvidSourceOptions, first: Svid) {
    this.#options = options;
    this.#current = first;
  }

  /**
   * Resolves with the first SVID. An authority that is not there yet is waited for; one that refuses is not. Rejects with the
   * reason, or when the signal aborts.
   */
  static async start(options: SvidSourceOptions, signal: AbortSignal): Promise<SvidSource> {
    const { logger, metrics, sentry, startTimeout = 30_000 } = options;
    const end = performance.now() + startTimeout;
    logger.info(`asking the certificate authority at ${sentry.address} for a certificate`);
    for (let pause = firstRetry; ; pause = Math.min(pause * 2, 5000)) {
      try {
        const source = new SvidSource(options, await request(options, signal));
        metrics.count('dapr_runtime_mtls_init_total');
        logger.info(`this sidecar is ${source.current.id.toString()}, by ${described(source.current)}`);
        source.#running = source.#renew();
        return source;
      } catch (error) {
        signal.throwIfAborted();
        const isTransient = error instanceof SentryError && error.isTransient;
        if (!isTransient || performance.now() + pause > end) {
          metrics.count('dapr_runtime_mtls_init_fail_total', { reason: reasonOf(error) });
          throw new Error(`there is no certificate for this sidecar: ${errorMessage(error)}`, { cause: error });
        }
        if (pause === firstRetry) logger.warn(`there is no certificate yet, trying again: ${errorMessage(error)}`);
        await sleep(pause, undefined, { signal });
      }
    }
  }

  get current(): Svid {
    return this.#current;
  }

  /** Told when there is another. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #renew(): Promise<void> {
    const { signal } = this.#stopping;
    const { logger, metrics } = this.#options;
    try {
      for (;;) {
        await waitUntil(renewalTime(this.#current, Date.now()), signal);
        let failures = 0;
        let wasOver = false;
        for (let pause = firstRetry; ; pause = Math.min(pause * 2, longestRetry)) {
          try {
            this.#current = await request(this.#options, signal);
            break;
          } catch (error) {
            signal.throwIfAborted();
            metrics.count('dapr_runtime_mtls_workload_cert_rotated_fail_total', { reason: reasonOf(error) });
            const isOver = Date.now() >= this.#current.notAfter;
            const text = `the certificate of this sidecar was not renewed, trying again: ${errorMessage(error)}`;
            if (isOver && !wasOver) logger.error(`${text}; it has expired: other sidecars refuse this one now`);
            else if (failures === 0) logger.warn(`${text}; there is still ${described(this.#current)}`);
            else logger.debug(text);
            wasOver = isOver;
            failures++;
          }
          await sleep(Math.min(pause, Math.max(firstRetry, (this.#current.notAfter - Date.now()) / 4)), undefined, {
            signal,
            ref: false,
          });
        }
        metrics.count('dapr_runtime_mtls_workload_cert_rotated_total');
        const text = `there is a new certificate of this sidecar, ${described(this.#current)}`;
        if (failures > 0) logger.info(`${text}, after ${failures} failed attempts`);
        else logger.debug(text);
        for (const listener of this.#listeners) {
          try {
            listener();
          } catch (error) {
            logger.error(`who was to use the new certificate failed: ${errorMessage(error)}`);
          }
        }
      }
    } catch (error) {
      if (!signal.aborted) logger.error(`the certificate is not renewed any more: ${errorMessage(error)}`);
    }
  }
}

async function request(options: SvidSourceOptions, signal: AbortSignal): Promise<Svid> {
  const { appId, keyAlgorithm = 'Ed25519', namespace, sentry } = options;
  const asked = await createCertificateRequest(keyAlgorithm);
  const certificates = await sentry.sign(asked.pem, signal);
  try {
    return svidOf(certificates, asked, { appId, namespace });
  } catch (error) {
    throw new SentryError('sign', errorMessage(error), false, error);
  }
}

/**
 * Half of what is left of it, by this machine's clock, and up to a tenth of that earlier. Not half of what its dates span: an
 * authority dates it back by the clocks' differences that it allows.
 */
function renewalTime({ notAfter }: Svid, now: number): number {
  const half = Math.max(shortestLife, (notAfter - now) / 2);
  return now + half * (1 - Math.random() / 10);
}

async function waitUntil(time: number, signal: AbortSignal): Promise<void> {
  for (let left = time - Date.now(); left > 0; left = time - Date.now()) {
    await sleep(Math.min(left, longestWait), undefined, { signal, ref: false });
  }
}

function described({ notAfter }: Svid): string {
  return `a certificate valid until ${new Date(notAfter).toISOString()}`;
}

function reasonOf(error: unknown): string {
  return error instanceof SentryError ? error.reason : 'sign';
}
