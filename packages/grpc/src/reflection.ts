import type { Descriptors, FileDescriptor } from '@outrigger/protocol/descriptors';
import {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionV1AlphaDefinition,
} from '@outrigger/protocol/reflection';
import { grpcStatus, type GrpcStatusName } from '@outrigger/runtime';

import { type Service, stream } from './service.ts';

const definitions = [ServerReflectionDefinition, ServerReflectionV1AlphaDefinition];

/**
 * Server reflection in both of its versions: tells clients which services there are, these two among them, and sends the
 * descriptors of any file of the protocol. Open whatever API access the Configuration allows.
 */
export function reflectionServices(services: readonly Service[]): readonly Service[] {
  const names = [...services.map(({ name }) => name), ...definitions.map(({ fullName }) => fullName)].toSorted();
  return definitions.map(({ fullName, methods }) => ({
    name: fullName,
    methods: [
      stream(methods.serverReflectionInfo, async function* (requests) {
        const descriptors = await loadDescriptors();
        const sent = new Set<string>();
        for await (const request of requests) {
          yield { validHost: request.host, originalRequest: request, ...answer(request, names, descriptors, sent) };
        }
      }),
    ],
  }));
}

let loading: Promise<Descriptors> | undefined;

/** Once for the process, when the first caller asks. */
function loadDescriptors(): Promise<Descriptors> {
  loading ??= import('@outrigger/protocol/descriptors').then(({ Descriptors }) => new Descriptors());
  return loading;
}

type Answer = Omit<ServerReflectionResponse, 'validHost' | 'originalRequest'>;

/** `sent`: the names of the files that this stream has carried; grows. */
function answer(
  request: ServerReflectionRequest,
  names: readonly string[],
  descriptors: Descriptors,
  sent: Set<string>,
): Answer {
  if (request.listServices !== undefined) {
    return { listServicesResponse: { service: names.map((name) => ({ name })) } };
  }
  if (request.fileByFilename !== undefined) {
    return fileAnswer(descriptors.file(request.fileByFilename), `file ${request.fileByFilename}`, sent);
  }
  if (request.fileContainingSymbol !== undefined) {
    return fileAnswer(descriptors.fileOf(request.fileContainingSymbol), `symbol ${request.fileContainingSymbol}`, sent);
  }
  // No message of the protocol has extensions.
  if (request.fileContainingExtension !== undefined) {
    const { containingType, extensionNumber } = request.fileContainingExtension;
    return notFound(`extension ${extensionNumber} of ${containingType}`);
  }
  if (request.allExtensionNumbersOfType !== undefined) {
    const baseTypeName = request.allExtensionNumbersOfType;
    if (!descriptors.hasMessage(baseTypeName)) return notFound(`message ${baseTypeName}`);
    return { allExtensionNumbersResponse: { baseTypeName, extensionNumber: [] } };
  }
  return failure('INVALID_ARGUMENT', 'the request asks for nothing: message_request is not set');
}

function fileAnswer(file: FileDescriptor | undefined, what: string, sent: Set<string>): Answer {
  if (file === undefined) return notFound(what);
  sent.add(file.name);
  const fileDescriptorProto = [file, ...newImports(file, sent)].map((each) => Buffer.from(each.encode()));
  return { fileDescriptorResponse: { fileDescriptorProto } };
}

/** What a file imports, and what that imports, but for what was sent before. */
function* newImports(file: FileDescriptor, sent: Set<string>): Iterable<FileDescriptor> {
  for (const imported of file.imports) {
    if (sent.has(imported.name)) continue;
    sent.add(imported.name);
    yield imported;
    yield* newImports(imported, sent);
  }
}

function notFound(what: string): Answer {
  return failure('NOT_FOUND', `${what} is not found`);
}

function failure(status: GrpcStatusName, errorMessage: string): Answer {
  return { errorResponse: { errorCode: grpcStatus[status], errorMessage } };
}
