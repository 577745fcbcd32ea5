export * from './gen/dapr/proto/operator/v1/operator.ts';
export * from './gen/dapr/proto/operator/v1/resource.ts';
