import { DaprDefinition, type GetBulkSecretRequest, type GetSecretRequest } from '@outrigger/protocol/runtime';
import { type Runtime, secretNotFound } from '@outrigger/runtime';

import { type CallContext, type ServiceMethod, unary } from '@outrigger/grpc';

const api = { name: 'secrets', version: 'v1' };
const { methods } = DaprDefinition;

/** The methods of the secrets building block. */
export function secretMethods(runtime: Pick<Runtime, 'secrets'>): ServiceMethod[] {
  const get = async ({ storeName, key, metadata }: GetSecretRequest, { signal }: CallContext) => {
    const secret = await runtime.secrets(storeName).get(key, metadata, signal);
    if (secret === undefined) throw secretNotFound(storeName, key);
    return { data: { ...secret } };
  };

  const getAll = async ({ storeName, metadata }: GetBulkSecretRequest, { signal }: CallContext) => {
    const found = await runtime.secrets(storeName).getAll(metadata, signal);
    return {
      data: Object.fromEntries(Object.entries(found).map(([name, secret]) => [name, { secrets: { ...secret } }])),
    };
  };

  return [unary(methods.getSecret, get, api), unary(methods.getBulkSecret, getAll, api)];
}
