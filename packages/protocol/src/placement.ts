export * from './gen/dapr/proto/placement/v1/placement.ts';
