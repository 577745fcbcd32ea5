import { ComponentError } from '@outrigger/core';
import { findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';
import type { TokenSource } from './token-source.ts';
import type { VaultClient, VaultReply, VaultRequest } from './vault-client.ts';
import { complaint, parsed, refused, replyFailure, saysBadToken } from './vault-failure.ts';

export interface KvEngineOptions {
  readonly client: VaultClient;
  readonly tokens: TokenSource;
  /** Where it is mounted. */
  readonly mount: string;
  /** The folder that holds the secrets; empty: all of the engine. */
  readonly prefix: string;
}

/** A secret as Vault wrote it: its JSON object, and the values of its keys, those that are no texts as JSON. */
export interface StoredSecret {
  readonly json: string;
  readonly values: readonly (readonly [name: string, value: string])[];
}

/** A secret or a folder that the token's policies do not let see. */
export class DeniedError extends ComponentError {}

/** One KV engine, of either version. */
export class KvEngine {
  readonly #options: KvEngineOptions;
  readonly #version: 1 | 2;

  constructor(options: KvEngineOptions, version: 1 | 2) {
    this.#options = options;
    this.#version = version;
  }

  /**
   * The secret called `name`; `undefined` when there is none, when it is deleted, or when it has no such version.
   * Version 0 is the latest one.
   */
  async read(name: string, version: string, signal: AbortSignal): Promise<StoredSecret | undefined> {
    if (this.#version === 1 && version !== '0') {
      throw refused(`version_id: the engine at ${this.#options.mount} keeps one version only (KV version 1)`);
    }
    const path = this.#path('data', name);
    // Vault does not store such names, and a step up would lead out of the folder
    if (path === undefined) return undefined;
    const query = this.#version === 1 ? '' : `?version=${version}`;
    const reply = await this.#send({ method: 'GET', path: encoded(path) + query }, signal);
    if (reply.status === 404 && complaint(reply) === '') return undefined;
    if (reply.status !== 200) throw this.#failure(reply, `read the secret ${JSON.stringify(name)}`, path, 'read');
    return storedSecret(reply.text, this.#version === 1 ? ['data'] : ['data', 'data']);
  }

  /** What is in a folder: secrets, and folders with a slash at their end. The folder is empty or ends with a slash. */
  async list(folder: string, signal: AbortSignal): Promise<readonly string[]> {
    const path = this.#path('metadata', folder.slice(0, -1)) ?? '';
    const reply = await this.#send({ method: 'GET', path: `${encoded(path)}?list=true` }, signal);
    if (reply.status === 404 && complaint(reply) === '') return [];
    if (reply.status !== 200) throw this.#failure(reply, `list its secrets`, path, 'list');
    const keys = (parsed(reply.text)['data'] as { keys?: unknown } | undefined)?.keys;
    if (!Array.isArray(keys)) throw notOfVault();
    return keys.map(String);
  }

  /** As a policy spells it; `undefined` for a name that cannot be one. */
  #path(kind: 'data' | 'metadata', name: string): string | undefined {
    const { mount, prefix } = this.#options;
    const path = [mount, ...(this.#version === 1 ? [] : [kind]), ...(prefix === '' ? [] : [prefix])].join('/');
    if (name === '') return kind === 'metadata' ? path : undefined;
    const isPlain = name.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
    return isPlain ? `${path}/${name}` : undefined;
  }

  /** With a token; once more with another one, when Vault no longer knew the first. */
  async #send(request: VaultRequest, signal: AbortSignal): Promise<VaultReply> {
    const { client, tokens } = this.#options;
    const token = await tokens.token(signal);
    const reply = await client.send({ ...request, token }, signal);
    if (reply.status !== 403 || !(await tokens.replace(token, signal))) return reply;
    return client.send({ ...request, token: await tokens.token(signal) }, signal);
  }

  #failure(reply: VaultReply, what: string, path: string, capability: string): ComponentError {
    const failure = replyFailure(reply, { what, path, capability, address: this.#options.client.address });
    const isDenied = reply.status === 403 && !saysBadToken(reply);
    return isDenied ? new DeniedError(failure.code, failure.message) : failure;
  }
}

/**
 * Which version the engine has, by what the server says of the mount; 2 when the token may not know that. Rejects with
 * `invalid-argument` when something else than a KV engine is mounted there.
 */
export async function versionOf(
  { client, tokens, mount }: Pick<KvEngineOptions, 'client' | 'tokens' | 'mount'>,
  signal: AbortSignal,
): Promise<1 | 2> {
  const path = `sys/internal/ui/mounts/${mount}`;
  const token = await tokens.token(signal);
  const reply = await client.send({ method: 'GET', path: encoded(path), token }, signal);
  if (reply.status === 403 && !saysBadToken(reply)) return 2;
  if (reply.status !== 200) {
    const asked = { what: `tell about the engine ${mount}`, path, capability: 'read', address: client.address };
    throw replyFailure(reply, asked);
  }
  const data = parsed(reply.text)['data'] as { type?: unknown; options?: { version?: unknown } | null } | undefined;
  if (data?.type === undefined) throw notOfVault();
  if (data.type !== 'kv' && data.type !== 'generic') {
    throw refused(`enginePath: ${mount} is an engine of the type ${JSON.stringify(data.type)}, not kv`);
  }
  return data.options?.version === '2' ? 2 : 1;
}

function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** Cut out of the text, so that numbers and the object stay as they are written. */
function storedSecret(text: string, path: readonly string[]): StoredSecret | undefined {
  const root = parseTree(text);
  const node = root && findNodeAtLocation(root, [...path]);
  if (node?.type === 'null') return undefined;
  if (node?.type !== 'object') throw notOfVault();
  const written = ({ offset, length }: Node): string => text.slice(offset, offset + length);
  const values = (node.children ?? []).map(({ children: [name, value] = [] }) => {
    if (name === undefined || value === undefined) throw notOfVault();
    const isText = value.type === 'string';
    return [String(name.value), isText ? String(value.value) : value.type === 'null' ? '' : written(value)] as const;
  });
  return { json: written(node), values };
}

function notOfVault(): ComponentError {
  return new ComponentError('internal', 'an answer that is not of a KV engine of Vault; is vaultAddr right?');
}
