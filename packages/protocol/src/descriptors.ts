import { createFileRegistry, type DescFile, type FileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

import { fileDescriptorSet } from './gen/file-descriptor-set.ts';

/** One .proto file, described. */
export interface FileDescriptor {
  /** As import statements name it: `dapr/proto/runtime/v1/dapr.proto`. */
  readonly name: string;
  readonly imports: readonly FileDescriptor[];
  /** The encoded `google.protobuf.FileDescriptorProto`. */
  encode(): Uint8Array;
}

/** The descriptors of all .proto files of this package and of those they import. */
export class Descriptors {
  readonly #registry: FileRegistry;

  /** Parses them all, which takes some milliseconds. */
  constructor() {
    this.#registry = createFileRegistry(decodedSet());
  }

  file(name: string): FileDescriptor | undefined {
    const file = this.#registry.getFile(name);
    return file && describe(file);
  }

  /** The file that declares a message, field, enum, enum value, service or method of this full name. */
  fileOf(symbol: string): FileDescriptor | undefined {
    const found = this.#registry.get(symbol) ?? this.#ownerOf(symbol);
    return found && describe(found.file);
  }

  hasMessage(name: string): boolean {
    return this.#registry.getMessage(name) !== undefined;
  }

  /** What declares a member that has no entry of its own. */
  #ownerOf(symbol: string) {
    const end = symbol.lastIndexOf('.');
    const [scope, name] = [symbol.slice(0, Math.max(0, end)), symbol.slice(end + 1)];
    const owner = this.#registry.get(scope);
    if (owner?.kind === 'service' && owner.methods.some((method) => method.name === name)) return owner;
    if (owner?.kind === 'message' && [...owner.fields, ...owner.oneofs].some((one) => one.name === name)) return owner;
    // values of an enum stand beside it
    for (const type of this.#registry) {
      if (type.kind !== 'enum' || !type.values.some((value) => value.name === name)) continue;
      if ((type.parent?.typeName ?? type.file.proto.package) === scope) return type;
    }
    return undefined;
  }
}

/** The descriptors as they are: an encoded `google.protobuf.FileDescriptorSet`, imports before what imports them. */
export function encodedDescriptors(): Uint8Array {
  return Buffer.from(fileDescriptorSet, 'base64');
}

function decodedSet() {
  return fromBinary(FileDescriptorSetSchema, encodedDescriptors());
}

function describe(file: DescFile): FileDescriptor {
  return {
    name: file.proto.name,
    get imports() {
      return file.dependencies.map(describe);
    },
    encode: () => toBinary(FileDescriptorProtoSchema, file.proto),
  };
}
