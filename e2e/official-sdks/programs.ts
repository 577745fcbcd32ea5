import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Language } from './checks.ts';

/** How one of a language's programs is started. */
export type Program = readonly [command: string, ...args: string[]];

/** What each language brings: an app that speaks gRPC, one that speaks HTTP, and a client of both. */
export interface Programs {
  readonly app: Program;
  readonly web: Program;
  readonly client: Program;
}

const source = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The programs as `toolchains.sh` has built them into `folder`. */
export function programsOf(language: Language, folder: string): Programs {
  switch (language) {
    case 'python': {
      const python = (file: string): Program => [join(folder, 'bin/python'), '-B', '-u', source(`sdk-python/${file}`)];
      return { app: python('grpc_app.py'), web: python('web_app.py'), client: python('client.py') };
    }
    case 'go': {
      const binary = (name: string): Program => [join(folder, 'bin', name)];
      return { app: binary('app'), web: binary('web'), client: binary('client') };
    }
    case 'java': {
      // what starts fast rather than runs fast
      const options = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(folder, 'classpath', '*')];
      const main = (name: string): Program => ['java', ...options, `outrigger.e2e.${name}`];
      return { app: main('GrpcApp'), web: main('WebApp'), client: main('Client') };
    }
  }
}
