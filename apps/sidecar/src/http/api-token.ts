import { headerOf } from './headers.ts';
import type { HttpExchange } from './route.ts';

/** The header that carries `DAPR_API_TOKEN`. */
export const apiTokenHeader = 'dapr-api-token';

/** Answers whether a request carries the token. Takes as long for a wrong one as for the right one. */
export function tokenCheck(token: string): (exchange: HttpExchange) => boolean {
  const { timingSafeEqual } = process.getBuiltinModule('node:crypto');
  const expected = Buffer.from(token, 'utf8');
  return ({ request }) => {
    // headers arrive as latin1 texts of the bytes that were sent
    const given = Buffer.from(headerOf(request, apiTokenHeader) ?? '', 'latin1');
    const sameLength = given.length === expected.length;
    return timingSafeEqual(sameLength ? given : expected, expected) && sameLength;
  };
}
