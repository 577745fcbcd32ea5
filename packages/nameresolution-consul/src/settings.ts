import { ComponentError, errorMessage, field, type MetadataOf } from '@outrigger/core';

export const consulFields = {
  client: field.text({
    description:
      'Where the agent is and who asks, as an object: `address`, `scheme`, `datacenter`, `token`, `tokenFile`, `httpAuth` (`username`, `password`), `tlsConfig` (`caFile`, `certFile`, `keyFile`, `insecureSkipVerify`)',
    example: '{"address": "127.0.0.1:8500"}',
    secret: true,
  }),
  queryOptions: field.text({
    description:
      'How the catalogue is asked, as an object: `datacenter`, `filter`, `near`, `allowStale`, `requireConsistent`',
  }),
  useCache: field.flag({
    description: 'Let the agent answer from its cache, which it keeps up to date',
    default: true,
  }),
  selfRegister: field.flag({ description: 'Register this sidecar with the agent', default: false }),
  selfDeregister: field.flag({ description: 'Take the registration back when the sidecar ends', default: true }),
  daprPortMetaKey: field.text({
    description: "Entry of a service's metadata that holds the port of the sidecar's internal gRPC server",
    default: 'DAPR_PORT',
  }),
  checks: field.text({
    description:
      'Health checks of the registration, as a list of objects; default: a TCP check of that port every 15 s',
  }),
  tags: field.text({ description: 'Tags of the registration, as a list' }),
  meta: field.text({ description: 'Metadata of the registration, as an object' }),
  advancedRegistration: field.text({
    description: 'The whole registration as an object, in place of what is made of the other fields',
  }),
};

type Fields = Readonly<Record<string, unknown>>;

export interface ConsulSettings {
  /** `http://host:port` of the agent. */
  readonly url: string;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly basicAuth: string | undefined;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly verify: boolean };
  /** Parameters of each question. */
  readonly query: Readonly<Record<string, string>>;
  readonly daprPortMetaKey: string;
  readonly selfRegister: boolean;
  readonly selfDeregister: boolean;
  readonly checks: unknown;
  readonly tags: unknown;
  readonly meta: Fields;
  readonly advancedRegistration: Fields | undefined;
}

/** Throws `invalid-argument` for what is no object or list where one has to be. */
export function settingsOf(metadata: MetadataOf<typeof consulFields>): ConsulSettings {
  const client = objectOf('client', metadata.client) ?? {};
  const tls = (pick(client, 'tlsConfig') ?? {}) as Fields;
  const auth = (pick(client, 'httpAuth') ?? {}) as Fields;
  const options = objectOf('queryOptions', metadata.queryOptions) ?? {};
  const address = text(client, 'address') ?? '127.0.0.1:8500';
  const scheme = text(client, 'scheme') ?? 'http';
  const url = address.includes('://') ? address : `${scheme}://${address}`;
  if (!URL.canParse(url)) {
    throw new ComponentError('invalid-argument', 'client: address has to be host:port, such as 127.0.0.1:8500');
  }
  const [ca, cert, key] = ['caFile', 'certFile', 'keyFile'].map((name) => text(tls, name));
  const username = text(auth, 'username');
  const datacenter = text(options, 'datacenter') ?? text(client, 'datacenter');
  const [filter, near] = ['filter', 'near'].map((name) => text(options, name));
  return {
    url,
    token: text(options, 'token') ?? text(client, 'token'),
    tokenFile: text(client, 'tokenFile'),
    basicAuth: username === undefined ? undefined : `${username}:${text(auth, 'password') ?? ''}`,
    tls: {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      verify: pick(tls, 'insecureSkipVerify') !== true,
    },
    query: {
      passing: 'true',
      ...(metadata.useCache && { cached: '' }),
      ...(datacenter && { dc: datacenter }),
      ...(filter && { filter }),
      ...(near && { near }),
      ...(pick(options, 'allowStale') === true && { stale: '' }),
      ...(pick(options, 'requireConsistent') === true && { consistent: '' }),
    },
    daprPortMetaKey: metadata.daprPortMetaKey,
    selfRegister: metadata.selfRegister,
    selfDeregister: metadata.selfDeregister,
    checks: listOf('checks', metadata.checks),
    tags: listOf('tags', metadata.tags),
    meta: objectOf('meta', metadata.meta) ?? {},
    advancedRegistration: objectOf('advancedRegistration', metadata.advancedRegistration),
  };
}

/** In any case, as Dapr reads them. */
function pick(object: Fields, name: string): unknown {
  return Object.entries(object).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

function text(object: Fields, name: string): string | undefined {
  const value = pick(object, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function objectOf(name: string, json: string | undefined): Fields | undefined {
  const value = parsed(name, json);
  if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))) {
    return value as Fields | undefined;
  }
  throw new ComponentError('invalid-argument', `${name}: expected an object`);
}

function listOf(name: string, json: string | undefined): readonly unknown[] | undefined {
  const value = parsed(name, json);
  if (value === undefined || Array.isArray(value)) return value;
  throw new ComponentError('invalid-argument', `${name}: expected a list`);
}

function parsed(name: string, json: string | undefined): unknown {
  if (json === undefined || json === '') return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new ComponentError('invalid-argument', `${name}: expected an object or a list: ${errorMessage(error)}`);
  }
}
