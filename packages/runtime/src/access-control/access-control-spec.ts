/** `spec.accessControl` of a Configuration: who may call what of this process's app. */
export interface AccessControlSpec {
  /** For callers without a policy of their own, and for those whose policy says nothing. */
  readonly defaultAction: AccessAction;
  /** Of this process's own identity. Default `public`. */
  readonly trustDomain: string;
  readonly policies: readonly CallerPolicySpec[];
}

export type AccessAction = 'allow' | 'deny';

/** What one caller may do. */
export interface CallerPolicySpec {
  readonly appId: string;
  readonly trustDomain: string;
  readonly namespace: string;
  /** For operations that are not listed; absent: the action for everybody. */
  readonly defaultAction?: AccessAction;
  /** In their order, of which the first that matches decides. */
  readonly operations: readonly OperationSpec[];
}

export interface OperationSpec {
  /** A method path, or `/package.Service/Method`; may have wildcards. */
  readonly name: string;
  /** HTTP verbs, or `*`; none: no verb, which is of use for gRPC alone. */
  readonly httpVerb: readonly string[];
  readonly action: AccessAction;
}
