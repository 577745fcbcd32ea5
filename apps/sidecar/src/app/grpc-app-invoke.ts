import { HTTPExtension_Verb, InvokeRequest, InvokeResponse } from '@outrigger/protocol';
import { type AppRequest, type AppResponse, methodOf } from '@outrigger/runtime';

import { grpcAnswer } from '../blocks/invoke/grpc-answer.ts';
import { bytesOfBody } from '../blocks/invoke/peer-message.ts';
import type { AppCallAnswer } from './grpc-app-connection.ts';

/** A call as the message of `OnInvoke`. Reads a body that streams to its end; rejects with what reading it throws. */
export async function invokeMessage({ body, grpc, headers, path, query, verb }: AppRequest): Promise<Uint8Array> {
  const contentType = headers['content-type'];
  const value = await bytesOfBody(body);
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

/** Verbs that the protocol lacks are `NONE`. */
function verbNumber(verb: string): HTTPExtension_Verb {
  return Object.hasOwn(HTTPExtension_Verb, verb) ? HTTPExtension_Verb[verb as keyof typeof HTTPExtension_Verb] : 0;
}
