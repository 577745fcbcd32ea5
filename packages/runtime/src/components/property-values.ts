import { ComponentError, errorMessage, type Logger, type SecretStore } from '@outrigger/core';

import { describeProblem, type Problem, ResourceError } from '../resources/problems.ts';
import type { NamedValue, ValueSource } from '../resources/resource.ts';
import type { SecretTexts } from '../secret-texts.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where values come from that do not stand in the YAML. */
export interface ValueOrigins {
  readonly appId: string;
  readonly namespace: string;
  readonly env: Environment;
  /** A running secret store by name; `failed` for one that is there and did not start. */
  readonly secretStore: (name: string) => SecretStore | 'failed' | undefined;
  /** Is told every secret that is read, before anybody gets it. */
  readonly secretTexts: SecretTexts;
  readonly logger: Logger;
}

/** The resource whose values are wanted, as messages call it. */
export interface ValueOwner {
  /** `Component "statestore"` */
  readonly resource: string;
  /** Its `auth.secretStore`; empty when none is given. */
  readonly secretStore: string;
}

/** Thrown inside this file only; the message is put beside the field's name and position. */
class ValueError extends Error {
  /** The store that has the value is away. */
  readonly isTemporary: boolean;

  constructor(message: string, { isTemporary = false, ...options }: ErrorOptions & { isTemporary?: boolean } = {}) {
    super(message, options);
    this.isTemporary = isTemporary;
  }
}

/**
 * The texts of all values, under the names that the YAML gives them. Rejects with a {@link ResourceError} that lists every
 * value that cannot be had, temporary when all that is in the way are secret stores; no message holds a value.
 */
export async function resolveValues(
  values: readonly NamedValue[],
  owner: ValueOwner,
  origins: ValueOrigins,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const problems: Problem[] = [];
  let isTemporary = true;
  const texts = await Promise.all(
    values.map(async (source) => {
      const { file, line, name, secretKeyRef, envRef } = source;
      const problem = (message: string) => ({ file, line, resource: owner.resource, message: `${name}: ${message}` });
      try {
        const text = await resolveValue(source, owner, origins, signal);
        if (secretKeyRef === undefined) origins.secretTexts.addFrom(text);
        else origins.secretTexts.add(text);
        if (envRef !== undefined && origins.env[envRef] === undefined) {
          const message = `the environment variable ${envRef} (envRef) is not set; its value is taken as empty`;
          origins.logger.warn(describeProblem(problem(message)));
        }
        return text;
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        isTemporary &&= error.isTemporary;
        problems.push(problem(origins.secretTexts.hide(error.message)));
        return '';
      }
    }),
  );
  if (problems.length > 0) throw new ResourceError(problems, { isTemporary });
  return Object.fromEntries(values.map(({ name }, index) => [name, texts[index] ?? '']));
}

/** Whether some value holds the template `{namespace}`: then the block prefixes what it names. */
export function usesNamespace(values: readonly ValueSource[]): boolean {
  return values.some(({ value }) => value?.includes('{namespace}'));
}

async function resolveValue(
  { value, secretKeyRef, envRef }: ValueSource,
  owner: ValueOwner,
  origins: ValueOrigins,
  signal: AbortSignal,
): Promise<string> {
  if (secretKeyRef !== undefined) return secretValue(secretKeyRef, owner.secretStore, origins, signal);
  return expandTemplates(envRef === undefined ? (value ?? '') : environmentValue(envRef, origins.env), origins);
}

async function secretValue(
  { name, key }: { readonly name: string; readonly key: string },
  storeName: string,
  origins: ValueOrigins,
  signal: AbortSignal,
): Promise<string> {
  if (storeName === '')
    throw new ValueError(`secret "${name}" needs auth.secretStore at the top level of the resource`);
  const store = origins.secretStore(storeName);
  if (store === undefined) {
    throw new ValueError(
      `secret "${name}" is in the store "${storeName}" (auth.secretStore), which is not loaded: add a Component of that name and a type secretstores.…`,
    );
  }
  if (store === 'failed') {
    throw new ValueError(`secret "${name}" is in the store "${storeName}" (auth.secretStore), which did not start`, {
      isTemporary: true,
    });
  }
  let secret;
  try {
    secret = await store.get({ name }, signal);
  } catch (error) {
    throw new ValueError(`secret "${name}" cannot be read from the store "${storeName}": ${errorMessage(error)}`, {
      cause: error,
      isTemporary: !ComponentError.is(error) || error.retryable,
    });
  }
  if (secret === undefined) throw new ValueError(`there is no secret "${name}" in the store "${storeName}"`);
  const text = secret[key];
  if (text === undefined) throw new ValueError(`the secret "${name}" in the store "${storeName}" has no key "${key}"`);
  return text;
}

/** Tokens of the runtime are not for components, and `DAPR_ENV_KEYS` may narrow down what is. Unset: the empty text. */
function environmentValue(name: string, env: Environment): string {
  if (/^(DAPR_.*|APP_API_TOKEN)$/i.test(name)) {
    throw new ValueError(`envRef must not name ${name}: DAPR_* and APP_API_TOKEN are not given to components`);
  }
  const allowed = (env['DAPR_ENV_KEYS'] ?? '').split(/[\s,]+/).filter((key) => key !== '');
  if (allowed.length > 0 && !allowed.includes(name)) {
    throw new ValueError(`envRef must not name ${name}: it is not in DAPR_ENV_KEYS`);
  }
  return env[name] ?? '';
}

function expandTemplates(text: string, { appId, namespace, env }: ValueOrigins): string {
  if (!text.includes('{')) return text;
  if (text.includes('{podName}') && !env['POD_NAME']) {
    throw new ValueError('{podName} needs the environment variable POD_NAME, which is not set');
  }
  return text
    .replaceAll('{uuid}', () => crypto.randomUUID())
    .replaceAll('{podName}', () => env['POD_NAME'] ?? '')
    .replaceAll('{namespace}', () => `${namespace}.${appId}`)
    .replaceAll('{appID}', () => appId);
}
