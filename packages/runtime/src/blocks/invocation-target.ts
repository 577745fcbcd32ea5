import type { CallerIdentity } from './invocation-headers.ts';

/** Where a call goes, read from the text that names it. */
export type InvocationTarget<E> =
  | { readonly kind: 'app'; readonly appId: string; readonly namespace: string }
  | { readonly kind: 'endpoint'; readonly endpoint: E }
  | { readonly kind: 'url'; readonly url: string };

/** A target that cannot be one. The message is for the caller. */
export class InvocationTargetError extends Error {
  override readonly name = 'InvocationTargetError';
}

/**
 * Reads `app`, `app.namespace`, the name of an HTTPEndpoint, or a literal `http(s)://host[:port]`. An HTTPEndpoint wins over an
 * app of the same name.
 *
 * @param namespace what an app without one is looked for in
 */
export function parseTarget<E>(
  target: string,
  namespace: string,
  endpoints: ReadonlyMap<string, E>,
): InvocationTarget<E> {
  if (target === '') throw new InvocationTargetError('app id is empty');
  const endpoint = endpoints.get(target);
  if (endpoint !== undefined) return { kind: 'endpoint', endpoint };
  if (/^https?:\/\//i.test(target)) {
    if (!URL.canParse(target)) throw new InvocationTargetError(`invalid URL ${target}`);
    return { kind: 'url', url: target };
  }
  const [appId = '', own, ...more] = target.split('.');
  if (appId === '' || own === '' || more.length > 0) throw new InvocationTargetError(`invalid app id ${target}`);
  return { kind: 'app', appId, namespace: own ?? namespace };
}

/** What Dapr calls the namespace where none is set. */
const defaultNamespace = 'default';

interface Self {
  readonly appId: string;
  /** Empty when none is set. */
  readonly namespace: string;
}

/** This process as it tells others who it is. */
export function callerIdentity({ appId, namespace }: Self): CallerIdentity {
  return { appId, namespace: namespace || defaultNamespace };
}

/** The app that a target means, and whether that is this process's own. */
export function appOf(target: Self, self: Self): Self & { readonly isSelf: boolean } {
  const namespace = self.namespace === '' && target.namespace === defaultNamespace ? '' : target.namespace;
  return { appId: target.appId, namespace, isSelf: target.appId === self.appId && namespace === self.namespace };
}
