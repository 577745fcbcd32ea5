import { headerOf } from './headers.ts';
import type { HttpExchange } from './route.ts';

/** The header that carries `DAPR_API_TOKEN`. */
export const apiTokenHeader = 'dapr-api-token';

/** Answers whether a request carries the token. Takes as long for a wrong one as for the right one. */
export function tokenCheck(token: string): (exchange: HttpExchange) => boolean {
  const isToken = tokenComparison(token);
  return ({ request }) => isToken(headerOf(request, apiTokenHeader) ?? '');
}

/** Answers whether a header's value is the token. Takes as long for a wrong one as for the right one. */
export function tokenComparison(token: string): (given: string) => boolean {
  const { timingSafeEqual } = process.getBuiltinModule('node:crypto');
  const expected = Buffer.from(token, 'utf8');
  return (text) => {
    // headers arrive as latin1 texts of the bytes that were sent
    const given = Buffer.from(text, 'latin1');
    const sameLength = given.length === expected.length;
    return timingSafeEqual(sameLength ? given : expected, expected) && sameLength;
  };
}
