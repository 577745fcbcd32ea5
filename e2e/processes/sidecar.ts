import { fileURLToPath } from 'node:url';

import { Child } from './child.ts';
import { freePorts } from './ports.ts';

/** The built command, as a user starts it. */
export const sidecarCommand = fileURLToPath(new URL('../../node_modules/.bin/outrigger-sidecar', import.meta.url));

export interface SidecarOptions {
  readonly appId: string;
  readonly appPort?: number;
  readonly resourcesPath?: string;
  readonly config?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Default: a free one. A fixed one lets a restarted sidecar be found at its old place. */
  readonly httpPort?: number;
  readonly grpcPort?: number;
}

/** A sidecar process with its APIs on free ports of 127.0.0.1. */
export class Sidecar extends Child {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly url: string;

  private constructor(httpPort: number, grpcPort: number, args: readonly string[], options: SidecarOptions) {
    super(sidecarCommand, args, {
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.httpPort = httpPort;
    this.grpcPort = grpcPort;
    this.url = `http://127.0.0.1:${httpPort}`;
  }

  /** Starts it without waiting for anything. */
  static async launch(options: SidecarOptions): Promise<Sidecar> {
    const [http = 0, grpc = 0] = await freePorts(2);
    const { httpPort = http, grpcPort = grpc } = options;
    return new Sidecar(
      httpPort,
      grpcPort,
      [
        '--app-id',
        options.appId,
        '--dapr-http-port',
        String(httpPort),
        '--dapr-grpc-port',
        String(grpcPort),
        '--enable-metrics=false',
        ...(options.appPort === undefined ? [] : ['--app-port', String(options.appPort)]),
        ...(options.resourcesPath === undefined ? [] : ['--resources-path', options.resourcesPath]),
        ...(options.config === undefined ? [] : ['--config', options.config]),
        ...(options.args ?? []),
      ],
      options,
    );
  }

  /** Starts it and waits until it reports that it is up, its app included. */
  static async start(options: SidecarOptions): Promise<Sidecar> {
    const sidecar = await Sidecar.launch(options);
    try {
      // subscriptions are made before this line; a busy broker needs its time for them
      await sidecar.line(/dapr initialized\. Status: Running/, 50_000);
    } catch (error) {
      await sidecar[Symbol.asyncDispose]();
      throw error;
    }
    return sidecar;
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url + path, init);
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }
}
