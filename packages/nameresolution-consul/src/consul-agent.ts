import { readFile } from 'node:fs/promises';

import { ComponentError, errorMessage } from '@outrigger/core';
import { Agent, request } from 'undici';

import type { ConsulSettings } from './settings.ts';

/** Milliseconds to wait for the agent. */
const patience = 5000;

/** One healthy instance in the catalogue, as the agent tells of it. */
export interface ServiceEntry {
  readonly Node?: { readonly Address?: string };
  readonly Service?: { readonly Address?: string; readonly Meta?: Readonly<Record<string, string>> | null };
}

/** The HTTP API of a Consul agent, as far as names are concerned. */
export class ConsulAgent implements AsyncDisposable {
  readonly #settings: ConsulSettings;
  readonly #dispatcher: Agent;

  private constructor(settings: ConsulSettings, dispatcher: Agent) {
    this.#settings = settings;
    this.#dispatcher = dispatcher;
  }

  static async open(settings: ConsulSettings): Promise<ConsulAgent> {
    const { ca, cert, key, verify } = settings.tls;
    const [caPem, certPem, keyPem] = await Promise.all([ca, cert, key].map((file) => readTlsFile(file)));
    const connect = {
      timeout: patience,
      rejectUnauthorized: verify,
      ...(caPem && { ca: caPem }),
      ...(certPem && { cert: certPem }),
      ...(keyPem && { key: keyPem }),
    };
    return new ConsulAgent(settings, new Agent({ connect, headersTimeout: patience, bodyTimeout: patience }));
  }

  async healthy(service: string, signal: AbortSignal): Promise<readonly ServiceEntry[]> {
    const parameters = new URLSearchParams(this.#settings.query).toString();
    const found = await this.#call('GET', `/v1/health/service/${encodeURIComponent(service)}?${parameters}`, signal);
    return Array.isArray(found) ? (found as ServiceEntry[]) : [];
  }

  /** What is registered with this very agent, by id. */
  async own(signal: AbortSignal): Promise<Readonly<Record<string, ServiceEntry['Service']>>> {
    const found = await this.#call('GET', '/v1/agent/services', signal);
    return (found ?? {}) as Readonly<Record<string, ServiceEntry['Service']>>;
  }

  async register(registration: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void> {
    await this.#call('PUT', '/v1/agent/service/register', signal, registration);
  }

  async deregister(id: string, signal: AbortSignal): Promise<void> {
    await this.#call('PUT', `/v1/agent/service/deregister/${encodeURIComponent(id)}`, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#dispatcher.destroy();
  }

  async #call(method: 'GET' | 'PUT', path: string, signal: AbortSignal, body?: unknown): Promise<unknown> {
    signal.throwIfAborted();
    const { basicAuth, url } = this.#settings;
    try {
      const token = await this.#token();
      const answer = await request(new URL(path, url), {
        method,
        dispatcher: this.#dispatcher,
        signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(token && { 'x-consul-token': token }),
          ...(basicAuth && { authorization: `Basic ${Buffer.from(basicAuth).toString('base64')}` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.body.text();
      if (answer.statusCode === 200) return text === '' ? undefined : (JSON.parse(text) as unknown);
      const hint = answer.statusCode === 403 ? '; check the token in client' : '';
      throw new Error(`status ${answer.statusCode}: ${text.slice(0, 200)}${hint}`);
    } catch (error) {
      signal.throwIfAborted();
      throw new ComponentError('unavailable', `the Consul agent at ${url}: ${errorMessage(error)}`, { cause: error });
    }
  }

  async #token(): Promise<string | undefined> {
    const { token, tokenFile } = this.#settings;
    return token ?? (tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim());
  }
}

async function readTlsFile(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ComponentError('invalid-argument', `client: tlsConfig: ${errorMessage(error)}`);
  }
}
