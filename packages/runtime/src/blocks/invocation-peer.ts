import { ComponentError, errorMessage, type NameResolver } from '@outrigger/core';

import type { AppRequest, AppResponse } from '../app-channel/app-channel.ts';
import { isRepeatable } from '../app-channel/repeatable.ts';
import type { PeerTransport } from './invocation.ts';
import { RoundRobin, type UnreachableAddresses } from './invocation-balancing.ts';
import { PeerError } from './invocation-errors.ts';

export interface PeerAppOptions {
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
  readonly resolver: NameResolver | undefined;
  readonly peers: PeerTransport | undefined;
  /** Shared by all apps. */
  readonly unreachable: UnreachableAddresses;
}

/** Port of the internal API where a resolver knows only host names: what Dapr uses there. */
const defaultPeerPort = 50_002;
/** Milliseconds for which addresses are taken as known. They are looked up anew at once when none of them answers. */
const knownFor = 500;

/** No sidecar of the app took the call, and it may be made again. */
export class PeerUnreachedError extends Error {
  override readonly name = 'PeerUnreachedError';
}

/** An app behind another sidecar, of which there may be several. */
export class PeerApp {
  readonly #options: PeerAppOptions;
  readonly #turns = new RoundRobin();
  #known: readonly string[] = [];
  #knownUntil = -Infinity;

  constructor(options: PeerAppOptions) {
    this.#options = options;
  }

  /** Whose sidecars are called. */
  get target(): { readonly appId: string; readonly namespace: string } {
    return this.#options;
  }

  /**
   * Calls one of the app's sidecars; one that cannot be reached, or has not reached its app, is passed over for the next. Rejects with
   * ComponentError `unavailable` when the last could not be reached, else with what the peer said.
   */
  call(request: AppRequest, signal: AbortSignal): Promise<AppResponse> {
    const { peers } = this.#options;
    if (peers === undefined) {
      throw new Error('calls to other apps are not set up: this runtime was made without a peer transport');
    }
    return this.each((address) => peers.call(address, this.#options, request, signal), signal);
  }

  /** As {@link call}, for calls that are made otherwise: `attempt` rejects with ComponentError `unavailable` when nothing was sent. */
  async each<T>(attempt: (address: string) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { unreachable } = this.#options;
    const known = performance.now() < this.#knownUntil ? this.#known : await this.#resolve(signal);
    const addresses = this.#turns.order(known, unreachable);
    let failure: unknown;
    for (const address of addresses) {
      try {
        const answer = await attempt(address);
        unreachable.delete(address);
        return answer;
      } catch (error) {
        if (signal.aborted || !isForAnother(error)) throw error;
        unreachable.add(address);
        failure = error;
      }
    }
    this.#knownUntil = -Infinity;
    throw failure;
  }

  /**
   * As {@link call}, for the built-in retries: where another attempt is safe it rejects with a {@link PeerUnreachedError}. That is
   * when nothing was sent, and for requests that may arrive twice also when the peer said that it is unavailable.
   *
   * @param attempt counted from 1
   */
  async attempt(request: AppRequest, signal: AbortSignal, attempt: number): Promise<AppResponse> {
    try {
      return await this.call(request, signal);
    } catch (error) {
      if (!signal.aborted && isPeerUnavailable(error) && isRepeatable(request)) throw this.#unreached(error, attempt);
      throw this.unreached(error, attempt, signal);
    }
  }

  /** The error that the built-in retries know, for one that says that nothing was sent; others as they are. */
  unreached(error: unknown, attempt: number, signal: AbortSignal): unknown {
    return !signal.aborted && isUnavailable(error) ? this.#unreached(error, attempt) : error;
  }

  #unreached(error: unknown, attempt: number): PeerUnreachedError {
    const message = `failed to invoke target ${this.#options.appId} after ${attempt - 1} retries. Error: ${errorMessage(error)}`;
    return new PeerUnreachedError(message, { cause: error });
  }

  async #resolve(signal: AbortSignal): Promise<readonly string[]> {
    const { appId, namespace, resolver } = this.#options;
    if (resolver === undefined) throw new Error('name resolver not initialized');
    let addresses: readonly string[];
    try {
      addresses = await resolver.resolve({ appId, namespace, port: defaultPeerPort }, signal);
    } catch (error) {
      // Not `unavailable`: that would say that a peer was tried.
      throw new Error(`failed to resolve address for '${appId}': ${errorMessage(error)}`, { cause: error });
    }
    if (addresses.length > 0) {
      this.#knownUntil = performance.now() + knownFor;
      this.#known = addresses;
      return addresses;
    }
    throw new Error(`couldn't find service: ${appId}${namespace === '' ? '' : ` in namespace ${namespace}`}`);
  }
}

function isUnavailable(error: unknown): boolean {
  return ComponentError.is(error) && error.code === 'unavailable';
}

/** Another instance may take the call: this one has done nothing of it. */
function isForAnother(error: unknown): boolean {
  return isUnavailable(error) || (error instanceof PeerError && error.isUntouched);
}

function isPeerUnavailable(error: unknown): boolean {
  if (!(error instanceof PeerError) || error.isUntouched) return false;
  return error.grpcStatus === 'UNAVAILABLE' || error.grpcStatus === 'UNAUTHENTICATED';
}
