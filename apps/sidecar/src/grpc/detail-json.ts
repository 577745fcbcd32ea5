import type { Any } from '@outrigger/protocol';
import {
  BadRequest,
  DebugInfo,
  ErrorInfo,
  Help,
  LocalizedMessage,
  PreconditionFailure,
  QuotaFailure,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
} from '@outrigger/protocol/rpc';

type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };

const known: Readonly<Record<string, { decode(bytes: Uint8Array): object }>> = {
  BadRequest,
  DebugInfo,
  ErrorInfo,
  Help,
  LocalizedMessage,
  PreconditionFailure,
  QuotaFailure,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
};

/**
 * An error detail in protobuf's JSON form. Of a message that `google.rpc` does not have, nobody here knows the fields: it stays
 * in base64.
 */
export function detailJson({ typeUrl, value }: Any): Json {
  const [, name = ''] = /\/google\.rpc\.(\w+)$/.exec(typeUrl) ?? [];
  const message = Object.hasOwn(known, name) ? known[name] : undefined;
  if (message === undefined) return { '@type': typeUrl, value: value.toString('base64') };
  return { '@type': typeUrl, ...membersOf(message.decode(value)) };
}

/** Members that have their type's default are left out. */
function membersOf(message: object): Record<string, Json> {
  const members: Record<string, Json> = {};
  for (const [name, value] of Object.entries(message)) {
    const json = jsonOf(value);
    if (json !== undefined) members[name] = json;
  }
  return members;
}

function jsonOf(value: unknown): Json | undefined {
  switch (typeof value) {
    case 'string':
      return value === '' ? undefined : value;
    case 'number':
      return value === 0 ? undefined : value;
    case 'bigint':
      return value === 0n ? undefined : String(value);
    case 'object':
      return value === null ? undefined : jsonOfObject(value);
    default:
      return undefined;
  }
}

function jsonOfObject(value: object): Json | undefined {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) =>
      typeof item === 'object' && item !== null ? membersOf(item) : String(item),
    );
    return items.length > 0 ? items : undefined;
  }
  if ('seconds' in value && 'nanos' in value) return `${Number(value.seconds) + Number(value.nanos) / 1e9}s`;
  const members = membersOf(value);
  return Object.keys(members).length > 0 ? members : undefined;
}
