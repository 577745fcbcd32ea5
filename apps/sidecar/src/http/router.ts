import type { Route } from './route.ts';

/** A place in the tree of routes; one per distinct beginning of their patterns. */
interface Place {
  readonly children: Map<string, Place>;
  /** Where a `{…}` segment leads. */
  parameter: Place | undefined;
  /** Routes that end here, by method. */
  readonly routes: Map<string, Route>;
  /** Routes that take the rest of the path, by method. */
  readonly restRoutes: Map<string, Route>;
}

function place(): Place {
  return { children: new Map(), parameter: undefined, routes: new Map(), restRoutes: new Map() };
}

/**
 * Finds the route of a method and a clean path in one walk over its segments. A fixed segment wins over a `{…}`, which wins
 * over `{……}`; where the preferred branch has no route for the method, the next is tried.
 */
export class Router {
  readonly #root = place();

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route);
  }

  #add(route: Route): void {
    let at = this.#root;
    let target: Map<string, Route> | undefined;
    for (const segment of route.pattern.slice(1).split('/')) {
      if (segment.endsWith('…}')) target = at.restRoutes;
      else if (segment.startsWith('{')) at = at.parameter ??= place();
      else at = childOf(at, segment);
    }
    target ??= at.routes;
    for (const method of route.methods) {
      if (target.has(method)) throw new Error(`two routes for ${method} ${route.pattern}`);
      target.set(method, route);
    }
  }

  /** The route, or `undefined`. The escaped values of its `{…}` segments are appended to `params`. */
  find(method: string, path: string, params: string[]): Route | undefined {
    return walk(this.#root, method, path, 1, params);
  }
}

function childOf(parent: Place, segment: string): Place {
  let child = parent.children.get(segment);
  if (child === undefined) parent.children.set(segment, (child = place()));
  return child;
}

function walk(at: Place, method: string, path: string, start: number, params: string[]): Route | undefined {
  if (start > path.length) return at.routes.get(method);
  let end = path.indexOf('/', start);
  if (end === -1) end = path.length;
  const segment = path.slice(start, end);
  const child = at.children.get(segment);
  if (child !== undefined) {
    const found = walk(child, method, path, end + 1, params);
    if (found !== undefined) return found;
  }
  if (at.parameter !== undefined && segment !== '') {
    params.push(segment);
    const found = walk(at.parameter, method, path, end + 1, params);
    if (found !== undefined) return found;
    params.pop();
  }
  const rest = at.restRoutes.get(method);
  if (rest !== undefined && segment !== '') params.push(path.slice(start));
  return segment === '' ? undefined : rest;
}
