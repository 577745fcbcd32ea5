import type { SSM } from '@aws-sdk/client-ssm';
import { awsAccess, awsClientOptions, awsFields, isMissing } from '@outrigger/aws-client';
import { defineComponent, field, openSecretService, type RequestMetadata, type Secret } from '@outrigger/core';
import { AwsSecrets } from './aws-secrets.ts';

const load = () => import('@aws-sdk/client-ssm');

export default defineComponent({
  kind: 'secrets',
  type: 'secretstores.aws.parameterstore',
  version: 'v1',
  description: 'Secrets in the AWS Systems Manager Parameter Store',
  metadata: {
    ...awsFields,
    prefix: field.text({
      description: 'What the names of parameters begin with, and names of secrets leave out',
      default: '',
      example: '/shop/',
    }),
  },
  load,
  create: async ({ metadata, signal }) => {
    const sdk = await load();
    const client = new sdk.SSM(awsClientOptions(awsAccess(metadata)));
    return await openSecretService(new ParameterStoreService(client, metadata.prefix), signal);
  },
});

class ParameterStoreService extends AwsSecrets {
  readonly title = 'AWS Parameter Store';
  readonly features = [];
  readonly #client: SSM;
  readonly #prefix: string;

  constructor(client: SSM, prefix: string) {
    super();
    this.#client = client;
    this.#prefix = prefix;
  }

  async get(
    name: string,
    { version_id: version }: RequestMetadata,
    abortSignal: AbortSignal,
  ): Promise<Secret | undefined> {
    const Name = this.#prefix + name + (version ? `:${version}` : '');
    try {
      const { Parameter } = await this.#client.getParameter({ Name, WithDecryption: true }, { abortSignal });
      if (Parameter?.Name === undefined || Parameter.Value === undefined) return {};
      return { [Parameter.Name.slice(this.#prefix.length)]: Parameter.Value };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async *list(_metadata: RequestMetadata, abortSignal: AbortSignal): AsyncIterable<readonly string[]> {
    const prefix = this.#prefix;
    const filter = prefix !== '' && { ParameterFilters: [{ Key: 'Name', Option: 'BeginsWith', Values: [prefix] }] };
    let NextToken: string | undefined;
    do {
      const page = { MaxResults: 50, ...filter, ...(NextToken !== undefined && { NextToken }) };
      const answer = await this.#client.describeParameters(page, { abortSignal });
      const names = (answer.Parameters ?? []).flatMap(({ Name = '' }) => (Name.startsWith(prefix) ? Name : []));
      yield names.map((name) => name.slice(prefix.length));
      NextToken = answer.NextToken;
    } while (NextToken !== undefined);
  }

  close(): void {
    this.#client.destroy();
  }
}
