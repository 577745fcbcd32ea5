export {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from './gen/grpc/reflection/v1/reflection.ts';
export { ServerReflectionDefinition as ServerReflectionV1AlphaDefinition } from './gen/grpc/reflection/v1alpha/reflection.ts';
