export { asBuffer } from './as-buffer.ts';
export {
  type CallContext,
  GrpcError,
  type MethodApi,
  type MethodDescription,
  type Service,
  type ServiceMethod,
  stream,
  type StreamHandler,
  unary,
  type UnaryHandler,
  type UnknownMethodHandler,
} from './service.ts';
export { statusName } from './status-name.ts';
