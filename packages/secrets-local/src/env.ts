import { env } from 'node:process';
import { defineComponent, field, type Logger, type Secret } from '@outrigger/core';
import { type LocalSecrets, LocalSecretStore } from './local-secret-store.ts';

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
  create: async ({ metadata, logger }) => new LocalSecretStore(new EnvSecrets(metadata.prefix, logger)),
});

/** As in Dapr a name that does not exist is no error: it answers an empty value. */
class EnvSecrets implements LocalSecrets {
  readonly title = 'the environment';
  readonly features = [];
  readonly #prefix: string;
  readonly #logger: Logger;

  constructor(prefix: string, logger: Logger) {
    this.#prefix = prefix;
    this.#logger = logger;
  }

  get(name: string): Secret {
    const variable = this.#prefix + name;
    // the system would take the name to end there, and so give a blocked variable under a name that is not
    if (variable.includes('\0')) return { [name]: '' };
    if (isBlocked(variable)) {
      this.#logger.warn(
        `the variable ${variable} belongs to the sidecar and is never given out; answered an empty value`,
      );
      return { [name]: '' };
    }
    return { [name]: env[variable] ?? '' };
  }

  getAll(): Readonly<Record<string, Secret>> {
    const prefix = fold(this.#prefix);
    return Object.fromEntries(
      Object.entries(env)
        .filter(([variable]) => fold(variable).startsWith(prefix) && !isBlocked(variable))
        .map(([variable, value = '']) => [variable.slice(prefix.length), value] as const)
        .filter(([name]) => name !== '')
        .map(([name, value]) => [name, { [name]: value }]),
    );
  }
}

/** What would let an app act as its sidecar: the API tokens and everything else named DAPR_…, in any case. */
function isBlocked(variable: string): boolean {
  const upper = variable.toUpperCase();
  return upper === 'APP_API_TOKEN' || upper.startsWith('DAPR_');
}

function fold(name: string): string {
  return foldsCase ? name.toUpperCase() : name;
}
