import { HTTPExtension_Verb, InvokeRequest, InvokeResponse } from '@outrigger/protocol';
import { type AppRequest, type AppResponse, methodOf } from '@outrigger/runtime';

import { grpcAnswer } from '../blocks/invoke/grpc-answer.ts';
import { bytesUpTo, tooLong } from '../blocks/invoke/whole-body.ts';
import type { AppCallAnswer } from './grpc-app-connection.ts';

/**
 * A call as the message of `OnInvoke`. Reads a body that streams to its end; rejects with what reading it throws.
 *
 * @param limit longest body in bytes; a longer one is not read on, and `undefined` comes back
 */
export async function invokeMessage(
  { body, grpc, headers, path, query, verb }: AppRequest,
  limit: number,
): Promise<Uint8Array | undefined> {
  const contentType = headers['content-type'];
  const value = await bytesUpTo(limit, body);
  if (value === undefined) return undefined;
  return InvokeRequest.encode({
    method: methodOf(path),
    data: { typeUrl: grpc?.dataTypeUrl ?? '', value },
    contentType: (typeof contentType === 'string' ? contentType : contentType?.[0]) ?? '',
    ...(verb !== '' && { httpExtension: { verb: verbNumber(verb), querystring: query } }),
  }).finish();
}

/** What the app has made of `OnInvoke`. */
export function invokeAnswer({ headers, message, status: ended }: AppCallAnswer): AppResponse {
  const { details, message: text, status, trailers } = ended;
  const grpc = { status, message: text, trailers, ...(details && { details }) };
  if (status !== 'OK') return grpcAnswer(grpc, headers, undefined);
  if (message === undefined) throw new Error('the app has ended OnInvoke with the status OK and without an answer');
  const { contentType, data } = InvokeResponse.decode(message);
  return grpcAnswer(
    { ...grpc, ...(data?.typeUrl && { dataTypeUrl: data.typeUrl }) },
    contentType === '' ? headers : { ...headers, 'content-type': contentType },
    data?.value,
  );
}

/** What Dapr makes of a body that is too long for one message. */
export function tooLongAnswer(limit: number): AppResponse {
  return grpcAnswer({ status: 'RESOURCE_EXHAUSTED', message: tooLong(limit) }, {}, undefined);
}

/** Verbs that the protocol lacks are `NONE`. */
function verbNumber(verb: string): HTTPExtension_Verb {
  return Object.hasOwn(HTTPExtension_Verb, verb) ? HTTPExtension_Verb[verb as keyof typeof HTTPExtension_Verb] : 0;
}
