export * from './gen/dapr/proto/sentry/v1/sentry.ts';
