import type { PeerIdentity } from '../blocks/peer-identity.ts';
import { cleanPath, normalizeMethod } from '../blocks/invocation-path.ts';
import type { Metrics } from '../metrics.ts';
import type { AccessAction, AccessControlSpec, CallerPolicySpec } from './access-control-spec.ts';
import { OperationTree } from './operation-tree.ts';
import { foldedPath, generousPath } from './path-readings.ts';

/** A call of a peer for this process's app. */
export interface AccessRequest {
  /** Who the connection's certificate is for; `undefined`: there is none. */
  readonly caller: PeerIdentity | undefined;
  /** The path, normalised, as the app is to get it; of a gRPC call that is handed on, `/package.Service/Method`. */
  readonly operation: string;
  /** HTTP verb, upper-case, empty where the peer has named none; absent: a gRPC call that is handed on. */
  readonly verb?: string;
  /** The app speaks gRPC, where verbs say nothing and names are case-sensitive. */
  readonly isGrpc: boolean;
  /** The app speaks HTTP on the same port, and may take the call for a `POST` of that path. Default: it does not. */
  readonly isHttpToo?: boolean;
}

/**
 * Decides which peer may call what, as Dapr does: by the caller's identity and, of its policy, the first operation that matches.
 * Calls of the app to itself through its own sidecar are not asked about.
 */
export class AccessControl {
  readonly #defaultAction: AccessAction;
  readonly #policies: ReadonlyMap<string, CallerPolicy>;
  readonly #metrics: Metrics;

  constructor({ defaultAction, policies }: AccessControlSpec, metrics: Metrics) {
    this.#defaultAction = defaultAction;
    this.#policies = new Map(policies.map((policy) => [keyOf(policy), new CallerPolicy(policy)]));
    this.#metrics = metrics;
  }

  /** What the peer is told when the call is refused, in Dapr's words; `undefined`: it may go on. */
  refusal(request: AccessRequest): string | undefined {
    const { caller, operation, verb } = request;
    const policy = caller && this.#policies.get(keyOf(caller));
    const isOwn = policy !== undefined && policy.trustDomain === caller?.trustDomain;
    const action = (isOwn ? policy.actionFor(request) : undefined) ?? this.#defaultAction;
    this.#count(isOwn && policy.hasDefault ? 'app' : 'global', action, caller);
    if (action === 'allow') return undefined;
    const name = verb === undefined ? operation : operation.slice(1);
    return `access control policy has denied access to appid: ${caller?.appId ?? ''} operation: ${name} verb: ${verb || 'NONE'}`;
  }

  #count(level: 'app' | 'global', action: AccessAction, caller: PeerIdentity | undefined): void {
    this.#metrics.count(`dapr_runtime_acl_${level}_policy_action_${action === 'allow' ? 'allowed' : 'blocked'}_total`, {
      src_app_id: caller?.appId ?? '',
      trust_domain: caller?.trustDomain ?? '',
      namespace: caller?.namespace ?? '',
    });
  }
}

interface Operation {
  /** By verb, `*` for any other. */
  readonly byVerb: ReadonlyMap<string, AccessAction>;
  readonly action: AccessAction;
}

class CallerPolicy {
  readonly trustDomain: string;
  readonly hasDefault: boolean;
  readonly #defaultAction: AccessAction | undefined;
  readonly #http = new OperationTree<Operation>();
  readonly #grpc = new OperationTree<Operation>();
  readonly #hasOperations: boolean;

  constructor({ trustDomain, defaultAction, operations }: CallerPolicySpec) {
    this.trustDomain = trustDomain;
    this.hasDefault = defaultAction !== undefined;
    this.#defaultAction = defaultAction;
    this.#hasOperations = operations.length > 0;
    for (const { name, httpVerb, action } of operations) {
      const operation = { byVerb: new Map(httpVerb.map((verb) => [verb, action])), action };
      const path = name.startsWith('/') ? name : `/${name}`;
      this.#http.add(foldedPath(normalizeMethod(path)), operation);
      this.#grpc.add(path, operation);
    }
  }

  /** `undefined`: it says nothing of this. */
  actionFor({ isGrpc, operation, verb = '', isHttpToo = false }: AccessRequest): AccessAction | undefined {
    if (!this.#hasOperations) return this.#defaultAction;
    if (isGrpc) return this.#grpcAction(operation, isHttpToo);
    const folded = foldedPath(operation);
    const generous = generousPath(operation);
    if (generous === undefined) return 'deny';
    const action = this.#httpAction(folded, verb);
    // an app that reads the path otherwise than it stands there must not be the way to what is refused
    if (generous !== folded && this.#httpAction(generous, verb) !== action) return 'deny';
    return action;
  }

  #grpcAction(operation: string, isHttpToo: boolean): AccessAction | undefined {
    // no gRPC method has dot segments, empty ones or escapes: what begins as an allowed one would else come through
    if (cleanPath(operation) !== operation || generousPath(operation) !== operation.toLowerCase()) return 'deny';
    const action = this.#grpc.find(operation)?.action ?? this.#defaultAction;
    if (isHttpToo && this.#httpAction(foldedPath(operation), 'POST') !== action) return 'deny';
    return action;
  }

  #httpAction(path: string, verb: string): AccessAction | undefined {
    const found = this.#http.find(path);
    if (found === undefined) return this.#defaultAction;
    if (verb === '') return this.#defaultAction ?? 'deny';
    return found.byVerb.get(verb) ?? found.byVerb.get('*') ?? this.#defaultAction;
  }
}

function keyOf({ appId, namespace }: { readonly appId: string; readonly namespace: string }): string {
  return `${appId}||${namespace}`;
}
