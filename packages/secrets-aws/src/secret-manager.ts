import type { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { awsAccess, awsClientOptions, awsFields, isMissing } from '@outrigger/aws-client';
import { defineComponent, field, openSecretService, type RequestMetadata, type Secret } from '@outrigger/core';
import { AwsSecrets } from './aws-secrets.ts';

const load = () => import('@aws-sdk/client-secrets-manager');

export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.aws.secretmanager',
  version: 'v1',
  description: 'Secrets in AWS Secrets Manager',
  metadata: {
    ...awsFields,
    multipleKeyValuesPerSecret: field.flag({
      description:
        'A secret that is a JSON object of texts has these as its values, instead of one value with the JSON',
      default: false,
      aliases: ['multipleKeysPerSecret'],
    }),
  },
  load,
  create: async ({ metadata, signal }) => {
    const sdk = await load();
    const client = new sdk.SecretsManager(awsClientOptions(awsAccess(metadata)));
    return await openSecretService(new SecretsManagerService(client, metadata.multipleKeyValuesPerSecret), signal);
  },
});

class SecretsManagerService extends AwsSecrets {
  readonly title = 'AWS Secrets Manager';
  readonly features;
  readonly #client: SecretsManager;
  readonly #isMultiple: boolean;

  constructor(client: SecretsManager, isMultiple: boolean) {
    super();
    this.#client = client;
    this.#isMultiple = isMultiple;
    this.features = isMultiple ? (['multiple-key-values-per-secret'] as const) : [];
  }

  async get(name: string, metadata: RequestMetadata, abortSignal: AbortSignal): Promise<Secret | undefined> {
    const { version_id: VersionId, version_stage: VersionStage } = metadata;
    const version = { ...(VersionId && { VersionId }), ...(VersionStage && { VersionStage }) };
    try {
      const answer = await this.#client.getSecretValue({ SecretId: name, ...version }, { abortSignal });
      // the name that AWS gives: a secret may be asked for by its ARN, too
      const { Name = name, SecretString, SecretBinary = new Uint8Array() } = answer;
      const value = SecretString ?? Buffer.from(SecretBinary).toString('base64');
      return (this.#isMultiple ? valuesOf(value) : undefined) ?? { [Name]: value };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async *list(_metadata: RequestMetadata, abortSignal: AbortSignal): AsyncIterable<readonly string[]> {
    let NextToken: string | undefined;
    do {
      const page = { MaxResults: 100, ...(NextToken !== undefined && { NextToken }) };
      const answer = await this.#client.listSecrets(page, { abortSignal });
      yield (answer.SecretList ?? []).flatMap(({ Name }) => Name ?? []);
      NextToken = answer.NextToken;
    } while (NextToken !== undefined);
  }

  close(): void {
    this.#client.destroy();
  }
}

/** What a JSON object of texts says, null being an empty one; `undefined` for everything else. */
function valuesOf(json: string): Secret | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value).map(([key, text]) => [key, (text as unknown) ?? ''] as const);
    return entries.every(([, text]) => typeof text === 'string')
      ? Object.fromEntries(entries as [string, string][])
      : undefined;
  } catch {
    return undefined;
  }
}
