import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { env } from 'node:process';
import { ComponentError } from '@outrigger/core';
import type { Cluster } from './cluster.ts';

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The cluster that this process runs in, by the service account of its pod; `undefined` outside of one. */
export async function podCluster(folder: string = serviceAccount): Promise<Cluster | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) return undefined;
  const read = (file: string) => readFile(join(folder, file), 'utf8');
  try {
    await read('token');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(folder, 'token', error);
  }
  const namespace = await read('namespace').catch(() => '');
  return new PodCluster(folder, new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`), namespace.trim());
}

class PodCluster implements Cluster {
  readonly url: URL;
  readonly namespace: string | undefined;
  readonly hint: string;
  readonly #folder: string;
  #ca = '';
  #agent = new Agent();

  constructor(folder: string, url: URL, namespace: string) {
    this.#folder = folder;
    this.url = url;
    this.namespace = namespace === '' ? undefined : namespace;
    this.hint = `check the pod’s service account (${folder})`;
  }

  /** Reads token and certificate each time: Kubernetes puts new ones into the files while the pod runs. */
  async login() {
    const [token, ca] = await Promise.all([this.#read('token'), this.#read('ca.crt')]);
    if (ca !== this.#ca) {
      // a connection for each request: nothing stays open, and a new certificate leaves none behind
      this.#agent = new Agent({ ca });
      this.#ca = ca;
    }
    return { agent: this.#agent, headers: { authorization: `Bearer ${token.trim()}` } };
  }

  async #read(file: string): Promise<string> {
    try {
      return await readFile(join(this.#folder, file), 'utf8');
    } catch (error) {
      throw unreadable(this.#folder, file, error);
    }
  }
}

function unreadable(folder: string, file: string, cause: unknown): ComponentError {
  return new ComponentError('unavailable', `the pod’s service account cannot be read: ${join(folder, file)}`, {
    cause,
  });
}
