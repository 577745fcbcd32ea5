import type { Exchange, Route } from './exchange.ts';
import { HttpError } from './http-error.ts';

/** Finds the route of a path. Throws 404 and 405. */
export class Router {
  readonly #routes: readonly { readonly route: Route; readonly parts: readonly string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, parts: route.path.split('/') }));
  }

  find(method: string, path: string): { readonly route: Route; readonly params: Exchange['params'] } {
    const parts = path.split('/');
    const methods: string[] = [];
    for (const { route, parts: wanted } of this.#routes) {
      const params = match(wanted, parts);
      if (params === undefined) continue;
      if (route.method === method) return { route, params };
      methods.push(route.method);
    }
    if (methods.length === 0) throw new HttpError(404, `there is no ${path}`);
    throw new HttpError(405, `${path} takes ${methods.join(', ')}`);
  }
}

function match(wanted: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (wanted.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of wanted.entries()) {
    const part = parts[index] ?? '';
    if (name.startsWith(':')) params[name.slice(1)] = decoded(part);
    else if (name !== part) return undefined;
  }
  return params;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new HttpError(400, `${part} is not encoded as it has to be in an address`, { cause: error });
  }
}
