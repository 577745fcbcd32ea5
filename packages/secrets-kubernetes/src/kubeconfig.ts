import { access } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import type { KubeConfig } from '@kubernetes/client-node';
import { ComponentError, errorMessage } from '@outrigger/core';
import type { Cluster } from './cluster.ts';

/** The library that reads kubeconfigs takes most of a second to load, so a process in a pod does without. */
export const loadLibrary = () => import('@kubernetes/client-node');

/** The cluster of a kubeconfig’s current context. */
export async function kubeconfigCluster(kubeconfigPath: string | undefined): Promise<Cluster> {
  const path = kubeconfigPath ?? (env['KUBECONFIG'] || join(homedir(), '.kube', 'config'));
  const from = kubeconfigPath === undefined ? `kubeconfig ${path}` : `kubeconfigPath "${path}"`;
  // several files may be named in KUBECONFIG, which the library knows how to merge
  const isList = kubeconfigPath === undefined && Boolean(env['KUBECONFIG']);
  if (!isList) {
    await access(path).catch((cause: unknown) => {
      const where = kubeconfigPath === undefined ? 'this process runs in no pod, and ' : '';
      throw new ComponentError('not-found', `${where}there is no ${from}; set kubeconfigPath`, { cause });
    });
  }
  const { KubeConfig } = await loadLibrary();
  const config = new KubeConfig();
  try {
    if (isList) config.loadFromDefault();
    else config.loadFromFile(path);
  } catch (error) {
    // the whole message and the stack quote the file, which may hold a password
    throw new ComponentError('invalid-argument', `${from} cannot be used: ${firstWords(error)}`);
  }
  return new KubeconfigCluster(config, from);
}

class KubeconfigCluster implements Cluster {
  readonly url: URL;
  readonly namespace: string | undefined;
  readonly hint: string;
  readonly #config: KubeConfig;
  readonly #from: string;

  constructor(config: KubeConfig, from: string) {
    const cluster = config.getCurrentCluster();
    const url = URL.parse(cluster?.server ?? '');
    if (url === null) {
      const context = config.getCurrentContext() || 'none';
      const message = `${from}: its current context (${context}) leads to no server; choose one with kubectl config use-context`;
      throw new ComponentError('invalid-argument', message);
    }
    // such as kubectl proxy; the library wants that to be said twice
    if (cluster && url.protocol === 'http:') Object.assign(cluster, { skipTLSVerify: true });
    this.#config = config;
    this.#from = from;
    this.url = url;
    this.namespace = config.getContextObject(config.getCurrentContext())?.namespace;
    this.hint = `check the current context of ${from}`;
  }

  async login() {
    const options: RequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch {
      // what a command printed that gives the login may hold a token
      const user = this.#config.getCurrentUser()?.name ?? '';
      throw new ComponentError(
        'invalid-argument',
        `${this.#from} gives no login for its user "${user}"; does kubectl work?`,
      );
    }
    const { agent, headers = {}, auth } = options;
    const basic = auth == null ? {} : { authorization: `Basic ${Buffer.from(auth).toString('base64')}` };
    // typed for more kinds of requests than one
    return { agent, headers: Object.assign({}, headers, basic) };
  }
}

function firstWords(error: unknown): string {
  const { reason, mark } = error as { readonly reason?: string; readonly mark?: { readonly line: number } };
  if (reason !== undefined) return mark === undefined ? reason : `${reason} in line ${mark.line + 1}`;
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? 'it is no kubeconfig' : errorMessage(error);
}
