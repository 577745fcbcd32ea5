import { fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FieldDescriptorProto,
  FileDescriptorSetSchema,
  type ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt';

/**
 * All that decides what is on the wire, one fact per full name: fields with number, type, cardinality, oneof and JSON name,
 * enum values with their number, methods with their types and streams. Comments and options that only compilers read are left out.
 */
export function wireFacts(encodedFileDescriptorSet: Uint8Array): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  for (const file of fromBinary(FileDescriptorSetSchema, encodedFileDescriptorSet).file) {
    const scope = file.package;
    for (const message of file.messageType) addMessage(facts, scope, message);
    for (const type of file.enumType) addEnum(facts, scope, type);
    for (const service of file.service) addService(facts, scope, service);
  }
  return facts;
}

function within(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

function addMessage(facts: Map<string, string>, scope: string, message: DescriptorProto): void {
  const name = within(scope, message.name);
  facts.set(name, message.options?.mapEntry ? 'map entry' : 'message');
  for (const field of message.field) facts.set(`${name}.${field.name}`, fieldFact(field, message));
  for (const nested of message.nestedType) addMessage(facts, name, nested);
  for (const type of message.enumType) addEnum(facts, name, type);
}

function fieldFact(field: FieldDescriptorProto, message: DescriptorProto): string {
  const label = FieldDescriptorProto_Label[field.label].toLowerCase();
  const type = field.typeName === '' ? FieldDescriptorProto_Type[field.type].toLowerCase() : field.typeName.slice(1);
  const isIn = field.proto3Optional || Object.hasOwn(field, 'oneofIndex');
  const oneof = field.proto3Optional
    ? 'tells absence'
    : `in ${message.oneofDecl[field.oneofIndex]?.name ?? 'no oneof'}`;
  return `${field.number}: ${label} ${type}, ${isIn ? oneof : 'in no oneof'}, ${field.jsonName}`;
}

function addEnum(facts: Map<string, string>, scope: string, type: EnumDescriptorProto): void {
  const name = within(scope, type.name);
  facts.set(name, 'enum');
  for (const value of type.value) facts.set(`${name}.${value.name}`, String(value.number));
}

function addService(facts: Map<string, string>, scope: string, service: ServiceDescriptorProto): void {
  const name = within(scope, service.name);
  facts.set(name, 'service');
  for (const method of service.method) {
    const request = `${method.clientStreaming ? 'stream ' : ''}${method.inputType.slice(1)}`;
    const response = `${method.serverStreaming ? 'stream ' : ''}${method.outputType.slice(1)}`;
    facts.set(`${name}.${method.name}`, `${request} -> ${response}`);
  }
}
