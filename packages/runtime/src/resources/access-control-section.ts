import type { AccessControlSpec, CallerPolicySpec, OperationSpec } from '../access-control/access-control-spec.ts';
import { MethodPathError, normalizeMethod } from '../blocks/invocation-path.ts';
import type { FieldReader } from './field-reader.ts';

const actions = ['allow', 'deny'] as const;
const defaultTrustDomain = 'public';

/**
 * Reads `spec.accessControl`. `undefined`: it says nothing, and everybody may call everything. Without a `defaultAction` of its own
 * what is not allowed is refused.
 */
export function readAccessControl(section: FieldReader): AccessControlSpec | undefined {
  const trustDomain = section.text('trustDomain');
  const defaultAction = section.oneOf('defaultAction', actions);
  const policies = section.objects('policies').map(readPolicy);
  warnOfRepeated(section, policies);
  if (!trustDomain && defaultAction === undefined && policies.length === 0) return undefined;
  if (defaultAction === undefined) {
    section.warn(
      'spec.accessControl.defaultAction is missing: what no policy allows is refused; set it to "deny" to say so, or to "allow"',
    );
  }
  return { defaultAction: defaultAction ?? 'deny', trustDomain: trustDomain || defaultTrustDomain, policies };
}

function readPolicy(policy: FieldReader): CallerPolicySpec {
  const defaultAction = policy.oneOf('defaultAction', actions);
  const read = {
    appId: policy.requiredText('appId'),
    trustDomain: policy.requiredText('trustDomain'),
    namespace: policy.requiredText('namespace'),
    ...(defaultAction && { defaultAction }),
    operations: policy.objects('operations').map(readOperation),
  };
  policy.done();
  return read;
}

function readOperation(operation: FieldReader): OperationSpec {
  const name = operation.requiredText('name');
  const action = operation.oneOf('action', actions);
  if (action === undefined)
    operation.warn(`the operation "${name}" has no action and is refused; set action to "allow" or "deny"`);
  checkName(operation, name);
  const httpVerb = operation.texts('httpVerb').map((verb) => verb.toUpperCase());
  operation.done();
  return { name, httpVerb, action: action ?? 'deny' };
}

/** Of two policies for one app the last counts, as in Dapr. */
function warnOfRepeated(section: FieldReader, policies: readonly CallerPolicySpec[]): void {
  const seen = new Set<string>();
  for (const { appId, namespace } of policies) {
    const key = `${appId}||${namespace}`;
    if (seen.has(key) && appId !== '') {
      section.warn(
        `spec.accessControl.policies: the app "${appId}" of the namespace "${namespace}" has several policies, of which only the last counts; put them into one`,
      );
    }
    seen.add(key);
  }
}

function checkName(operation: FieldReader, name: string): void {
  try {
    normalizeMethod(name.startsWith('/') ? name : `/${name}`);
  } catch (error) {
    if (!(error instanceof MethodPathError)) throw error;
    operation.error(
      `the operation "${name}" can match no path (${error.message}); write it as the app gets it, without a query`,
    );
  }
}
