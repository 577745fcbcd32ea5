import { env } from 'node:process';
import { defineComponent, field, type Logger, type Secret, type SecretStore } from '@outrigger/core';

/** On Windows the system does not tell `Path` from `PATH`. */
const foldsCase = process.platform === 'win32';

/** `secretstores.local.env`: reads the environment of the process, as it is at the time of the call. */
export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.local.env',
  version: 'v1',
  description: 'Secrets from the environment of the process, for development',
  metadata: {
    prefix: field.text({
      description: 'Put before every name: with `MYAPP_` the secret `token` is the variable `MYAPP_token`',
      default: '',
      example: 'MYAPP_',
    }),
  },
  create: async ({ metadata, logger }) => new EnvSecretStore(metadata.prefix, logger),
});

/** As in Dapr a name that does not exist is no error: it answers an empty value. */
class EnvSecretStore implements SecretStore {
  readonly features = [];
  readonly #prefix: string;
  readonly #logger: Logger;

  constructor(prefix: string, logger: Logger) {
    this.#prefix = prefix;
    this.#logger = logger;
  }

  async get({ name }: { readonly name: string }): Promise<Secret> {
    const variable = this.#prefix + name;
    if (isBlocked(variable)) {
      this.#logger.warn(
        `the variable ${variable} belongs to the sidecar and is never given out; answered an empty value`,
      );
      return { [name]: '' };
    }
    return { [name]: env[variable] ?? '' };
  }

  async getAll(): Promise<Readonly<Record<string, Secret>>> {
    const prefix = fold(this.#prefix);
    return Object.fromEntries(
      Object.entries(env)
        .filter(([variable]) => fold(variable).startsWith(prefix) && !isBlocked(variable))
        .map(([variable, value = '']) => [variable.slice(prefix.length), value] as const)
        .filter(([name]) => name !== '')
        .map(([name, value]) => [name, { [name]: value }]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What would let an app act as its sidecar: the API tokens and everything else named DAPR_…, in any case. */
function isBlocked(variable: string): boolean {
  const upper = variable.toUpperCase();
  return upper === 'APP_API_TOKEN' || upper.startsWith('DAPR_');
}

function fold(name: string): string {
  return foldsCase ? name.toUpperCase() : name;
}
