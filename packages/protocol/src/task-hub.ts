export * from './gen/orchestrator_service.ts';
