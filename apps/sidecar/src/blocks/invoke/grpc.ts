import { HTTPExtension_Verb, type InvokeResponse } from '@outrigger/protocol';
import { ErrorInfo, Status } from '@outrigger/protocol/rpc';
import { DaprDefinition, type InvokeServiceRequest } from '@outrigger/protocol/runtime';
import { type AppResponse, grpcStatus, type HeaderMap, type Invocation } from '@outrigger/runtime';

import { asBuffer, type CallContext, GrpcError, type ServiceMethod, unary } from '@outrigger/grpc';
import { metadataOfHttp } from '../../grpc/http-metadata.ts';
import { traceparentOf } from '../../grpc/trace-bin.ts';
import { grpcStatusOf, statusText } from './http-status.ts';
import { bodyLimit, bytesUpTo, tooLong } from './whole-body.ts';

/**
 * The methods of the invocation building block; what is for apps' own services goes another way.
 *
 * @param maxBodySize bytes of the longest answer; 0: no limit. Default 4 MiB
 */
export function invokeMethods(invocation: Pick<Invocation, 'invoke'>, maxBodySize?: number): ServiceMethod[] {
  const limit = bodyLimit(maxBodySize);
  const invokeService = async (request: InvokeServiceRequest, context: CallContext): Promise<InvokeResponse> => {
    const { contentType = '', data, httpExtension, method = '' } = request.message ?? {};
    const answer = await invocation.invoke(
      {
        target: request.id,
        verb: httpExtension === undefined ? '' : (verbNames.get(httpExtension.verb) ?? 'NONE'),
        // It is not escaped, and nothing in it shall be taken for an escape.
        path: `/${method.replaceAll('%', '%25')}`,
        query: httpExtension?.querystring ?? '',
        headers: headersOf(context, contentType),
        body: data?.value.byteLength ? data.value : undefined,
        grpc: { dataTypeUrl: data?.typeUrl ?? '' },
      },
      context.signal,
    );
    const value = await bytesUpTo(limit, answer.body);
    if (value === undefined) throw new GrpcError('RESOURCE_EXHAUSTED', tooLong(limit));
    return answer.grpc === undefined
      ? ofHttpApp(answer, value, context)
      : ofGrpcApp(answer, answer.grpc, value, context);
  };
  return [unary(DaprDefinition.methods.invokeService, invokeService, { name: 'invoke', version: 'v1' })];
}

const verbNames = new Map<number, string>(Object.entries(HTTPExtension_Verb).map(([name, number]) => [number, name]));

/** The caller's metadata, the content type and, for HTTP apps, its name among it; apps look for the trace where HTTP has it. */
function headersOf(context: CallContext, contentType: string): HeaderMap {
  const { headers } = context;
  const userAgent = context.metadata('user-agent');
  const { 'grpc-trace-bin': traceBinary, traceparent = '' } = headers;
  const trace = typeof traceBinary === 'string' && traceparent === '' ? traceparentOf(traceBinary) : undefined;
  return {
    ...headers,
    ...(userAgent !== undefined && { 'user-agent': userAgent }),
    ...(contentType !== '' && { 'content-type': contentType }),
    ...(trace !== undefined && { traceparent: trace }),
  };
}

/** Status, message, details and metadata are the app's own. */
function ofGrpcApp(
  { headers }: AppResponse,
  { dataTypeUrl = '', details, message, status, trailers = {} }: NonNullable<AppResponse['grpc']>,
  value: Buffer,
  context: CallContext,
): InvokeResponse {
  const { 'content-type': contentType = '', 'content-length': _, ...metadata } = headers;
  context.sendHeaders(metadata);
  context.addTrailers(trailers);
  if (status !== 'OK') throw new GrpcError(status, message, details);
  return { contentType: String(contentType), data: { typeUrl: dataTypeUrl, value } };
}

/** A status outside 2xx is an error, with as much of the body in its details as Dapr puts there. */
function ofHttpApp({ headers, status }: AppResponse, value: Buffer, context: CallContext): InvokeResponse {
  context.sendHeaders({ ...metadataOfHttp(headers), 'dapr-http-status': String(status) });
  const code = grpcStatusOf(status);
  if (code !== 'OK') throw httpError(code, status, value);
  return { contentType: String(headers['content-type'] ?? ''), data: { typeUrl: '', value } };
}

/** Longest piece of the body in an error's details, in bytes. */
const detailSize = 63;

function httpError(code: ReturnType<typeof grpcStatusOf>, status: number, body: Buffer): GrpcError {
  const message = statusText(status);
  const metadata = { 'http.code': String(status), 'http.error_message': body.subarray(0, detailSize).toString() };
  const info = ErrorInfo.encode({ reason: message, domain: 'dapr.io', metadata }).finish();
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: asBuffer(info) }];
  return new GrpcError(code, message, Status.encode({ code: grpcStatus[code], message, details }).finish());
}
