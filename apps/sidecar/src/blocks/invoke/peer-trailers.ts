import type { AppResponse, HeaderMap } from '@outrigger/runtime';

/**
 * HTTP trailers of an app that speaks HTTP, between our own sidecars. Dapr's messages have no place for them behind a body in pieces:
 * they go along with the status, and their names with the head. Other peers hand the names on as a header and know nothing of the rest.
 */
export const announcedTrailers = 'outrigger-trailer';
const trailersName = 'outrigger-trailers-bin';

/** The trailers of an answer whose body was read to its end, as metadata behind the last message. */
export function trailersToPeer({ trailers }: AppResponse): HeaderMap | undefined {
  if (trailers === undefined) return undefined;
  return { [trailersName]: Buffer.from(JSON.stringify(trailers.values())).toString('base64') };
}

/** A peer's answer with the trailers that it has announced. `metadata` is asked for what came behind the last message. */
export function withPeerTrailers(answer: AppResponse, metadata: () => HeaderMap): AppResponse {
  const { [announcedTrailers]: names, ...headers } = answer.headers;
  if (names === undefined) return answer;
  const values = (): HeaderMap => {
    const encoded = metadata()[trailersName];
    if (typeof encoded !== 'string') return {};
    return JSON.parse(Buffer.from(encoded, 'base64').toString()) as HeaderMap;
  };
  return { ...answer, headers, trailers: { names: String(names), values } };
}
