import type { RequestOptions } from 'node:https';

/** One API server and the right to ask it. */
export interface Cluster {
  /** Without a path of ours: `https://10.96.0.1:443`. */
  readonly url: URL;
  /** The namespace that belongs to the login, where there is one. */
  readonly namespace: string | undefined;
  /** What to look at when the login or the certificates do not fit, as the end of a sentence: `check …`. */
  readonly hint: string;
  /** Agent and headers of the next request, with a login that is valid now. Asked before every request. */
  login(): Promise<Pick<RequestOptions, 'agent' | 'headers'>>;
}
