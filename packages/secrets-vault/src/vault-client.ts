import type { SecureContextOptions } from 'node:tls';
import { errorMessage, type Logger, OpenCalls } from '@outrigger/core';
import { Agent, request } from 'undici';
import { connectFailure, refused } from './vault-failure.ts';

export interface VaultClientOptions {
  readonly address: URL;
  readonly tls: SecureContextOptions & { readonly servername?: string; readonly rejectUnauthorized?: boolean };
  readonly namespace: string | undefined;
  /** Milliseconds that a request may take. */
  readonly timeout: number;
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`, encoded. */
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
}

/** An answer of Vault, whatever its status. The text may hold secrets. */
export interface VaultReply {
  readonly status: number;
  readonly text: string;
}

/** What an answer may take; a secret of Vault is 1 MiB at most, lists of names are not limited. */
const maxReply = 32 * 2 ** 20;
const redirects: ReadonlySet<number> = new Set([301, 302, 307, 308]);

/** Requests to one Vault server. Nothing is sent twice, but to where the server itself says that it has to go. */
export class VaultClient {
  readonly calls: OpenCalls;
  /** For messages: the address without what might be secret in it. */
  readonly address: string;
  readonly #base: string;
  readonly #agent: Agent;
  readonly #headers: Readonly<Record<string, string>>;
  #logger: Logger | undefined;
  #isGone = false;

  constructor({ address, tls, namespace, timeout }: VaultClientOptions) {
    this.address = address.origin;
    this.#base = `${address.origin}${address.pathname.replace(/\/+$/, '')}/v1/`;
    this.calls = new OpenCalls({ server: `Vault at ${this.address}`, timeout });
    // how long a request may take is for `calls` to say
    this.#agent = new Agent({
      connect: { ...tls, timeout: 0 },
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: maxReply,
    });
    this.#headers = { 'x-vault-request': 'true', ...(namespace !== undefined && { 'x-vault-namespace': namespace }) };
  }

  /** Rejects with `unavailable` when the server cannot be reached, with `deadline-exceeded` when it does not answer in time. */
  async send({ method, path, token, body }: VaultRequest, signal: AbortSignal): Promise<VaultReply> {
    const headers = {
      ...this.#headers,
      ...(token !== undefined && { 'x-vault-token': token }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const send = async (url: URL, attempt: AbortSignal, mayMove: boolean): Promise<VaultReply> => {
      const response = await request(url, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        dispatcher: this.#agent,
        signal: attempt,
      });
      const text = await response.body.text();
      const { location } = response.headers;
      // a standby that does not forward names the active server
      if (!mayMove || !redirects.has(response.statusCode) || typeof location !== 'string') {
        return { status: response.statusCode, text };
      }
      const target = new URL(location, url);
      if (url.protocol === 'https:' && target.protocol !== 'https:') {
        throw refused(`Vault at ${this.address} sends its clients to ${target.origin}, without TLS: not followed`);
      }
      return send(target, attempt, false);
    };
    try {
      const reply = await this.calls.request(async (attempt) => {
        try {
          return await send(new URL(this.#base + path), attempt, true);
        } catch (error) {
          attempt.throwIfAborted();
          throw connectFailure(error, this.address);
        }
      }, signal);
      if (this.#isGone) this.#logger?.info(`Vault at ${this.address} answers again`);
      this.#isGone = false;
      return reply;
    } catch (error) {
      if (!signal.aborted && !this.#isGone && this.#logger !== undefined) {
        this.#isGone = true;
        this.#logger.warn(`no answer from Vault: ${errorMessage(error)}`, { error });
      }
      throw error;
    }
  }

  /** From now on the log says once that the server no longer answers, and once that it does again. */
  logOutages(logger: Logger): void {
    this.#logger = logger;
  }

  /** Whether the last request had no answer, which the log has said. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Waits for the calls under way. */
  async close(): Promise<void> {
    await this.calls.close();
    await this.#agent.close();
  }
}
