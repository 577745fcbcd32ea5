import { ComponentError, errorMessage } from '@outrigger/core';
import type { Invocation, ProxyHop } from '@outrigger/runtime';

import type { GrpcAppConnection } from '../../app/grpc-app-connection.ts';
import { callAgainIfUntouched } from './call-again.ts';
import type { GrpcClient } from '@outrigger/grpc/client';
import { type CallContext, GrpcError, type UnknownMethodHandler } from '@outrigger/grpc';
import type { GrpcPeers } from './peers.ts';
import { ProxiedCall } from './proxied-call.ts';
import { ProxyMessages } from './proxy-messages.ts';

export interface ProxyOptions {
  readonly invocation: Pick<Invocation, 'proxy'>;
  readonly peers: Pick<GrpcPeers, 'client'>;
  /** Absent: the app, if there is one, does not speak gRPC. */
  readonly app: GrpcAppConnection | undefined;
}

const calleeHeader = 'dapr-callee-app-id';
const appIdHeader = 'dapr-app-id';
/** Of whose methods some are not there yet; no app has them. */
const ownService = '/dapr.proto.internals.v1.';

/** Hands calls of services that this process does not know on to the app that `dapr-app-id` names, as they are. */
export function proxyCalls({ invocation, peers, app }: ProxyOptions): UnknownMethodHandler {
  const connect = ({ address, peer }: ProxyHop, signal: AbortSignal): Promise<GrpcClient> =>
    address === undefined || peer === undefined ? clientOf(app, signal) : peers.client(address, peer, signal);
  return async function* (path, requests, context) {
    const target = targetOf(context);
    const messages = new ProxyMessages(requests);
    const request = { target, method: path, metadata: context.headers };
    const call = await invocation.proxy(
      request,
      (hop, signal) => {
        const metadata = metadataOf(hop, app);
        return callAgainIfUntouched(
          () => connect(hop, signal),
          (client) => ProxiedCall.begin({ client, path, metadata, messages, context, signal }),
          signal,
        );
      },
      context.signal,
    );
    yield* call.answer(context);
  };
}

export interface PeerProxyOptions {
  readonly invocation: Pick<Invocation, 'proxyFromPeer'>;
  /** Absent: the app, if there is one, does not speak gRPC. */
  readonly app: GrpcAppConnection | undefined;
}

/** Hands such calls of other sidecars on to the app of this one. */
export function proxyCallsOfPeers({ invocation, app }: PeerProxyOptions): UnknownMethodHandler {
  return async function* (path, requests, context) {
    if (path.startsWith(ownService)) throw new GrpcError('UNIMPLEMENTED', `unknown method ${path}`);
    const { signal, headers, peer } = context;
    const hop = invocation.proxyFromPeer({ target: targetOf(context), method: path, metadata: headers }, peer);
    const messages = new ProxyMessages(requests);
    const metadata = metadataOf(hop, app);
    const call = await callAgainIfUntouched(
      () => clientOf(app, signal),
      (client) => ProxiedCall.begin({ client, path, metadata, messages, context, signal }),
      signal,
    ).catch((error: unknown) => {
      throw ComponentError.is(error) ? appNotReached(error) : error;
    });
    yield* call.answer(context);
  };
}

function targetOf(context: CallContext): string {
  const target = context.metadata(calleeHeader) || context.metadata(appIdHeader);
  if (target) return target;
  const message = `failed to proxy request: required metadata ${calleeHeader} or ${appIdHeader} not found`;
  throw new GrpcError('UNKNOWN', message);
}

async function clientOf(app: GrpcAppConnection | undefined, signal: AbortSignal): Promise<GrpcClient> {
  if (app === undefined) {
    const fix = 'start its sidecar with --app-protocol grpc, grpcs or h2c';
    throw new GrpcError('UNAVAILABLE', `the app does not speak gRPC, or its sidecar does not know: ${fix}`);
  }
  try {
    // Not held back by the app's concurrency limit, as in Dapr: a stream would keep its place for as long as it lasts.
    await app.connected(signal);
    return app.client;
  } catch (error) {
    signal.throwIfAborted();
    throw appNotReached(error);
  }
}

function appNotReached(error: unknown): GrpcError {
  return new GrpcError('UNAVAILABLE', `the app was not reached: ${errorMessage(error)}`);
}

function metadataOf({ address, metadata }: ProxyHop, app: GrpcAppConnection | undefined): ProxyHop['metadata'] {
  return address === undefined ? { ...metadata, ...app?.metadata } : metadata;
}
