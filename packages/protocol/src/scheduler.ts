export * from './gen/dapr/proto/scheduler/v1/scheduler.ts';
