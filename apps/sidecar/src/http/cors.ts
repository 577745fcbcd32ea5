import { headerOf } from './headers.ts';
import type { HttpExchange } from './route.ts';

const methods: ReadonlySet<string> = new Set(['HEAD', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * CORS as `--allowed-origins` asks for it: `*`, or origins separated by commas, each with at most one `*` of its own. The
 * result sets the response's headers, and answers a preflight by itself: then it returns true and the request is done.
 * `undefined` for the empty text: CORS is off.
 */
export function corsFor(allowedOrigins: string): ((exchange: HttpExchange) => boolean) | undefined {
  if (allowedOrigins === '') return undefined;
  const patterns = allowedOrigins.split(',').map((origin) => origin.trim().toLowerCase());
  const everyone = patterns.includes('*');
  const allows = (origin: string) => everyone || patterns.some((pattern) => fits(pattern, origin.toLowerCase()));

  return ({ request, response }) => {
    const origin = headerOf(request, 'origin');
    const wanted = headerOf(request, 'access-control-request-method');
    const preflight = request.method === 'OPTIONS' && wanted !== undefined;
    response.setHeader(
      'vary',
      preflight ? 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' : 'Origin',
    );
    const method = preflight ? wanted.toUpperCase() : (request.method ?? '');
    if (origin !== undefined && allows(origin) && (methods.has(method) || method === 'OPTIONS')) {
      response.setHeader('access-control-allow-origin', everyone ? '*' : origin);
      if (preflight) {
        response.setHeader('access-control-allow-methods', method);
        const headers = headerOf(request, 'access-control-request-headers');
        if (headers) response.setHeader('access-control-allow-headers', headers);
      }
    }
    if (!preflight) return false;
    response.setHeader('content-length', '0');
    response.writeHead(200).end();
    return true;
  };
}

function fits(pattern: string, origin: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) return pattern === origin;
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return origin.length >= before.length + after.length && origin.startsWith(before) && origin.endsWith(after);
}
