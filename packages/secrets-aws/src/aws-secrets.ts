import { awsError } from '@outrigger/aws-client';
import type { ComponentError, RequestMetadata, Secret, SecretService, SecretStoreFeature } from '@outrigger/core';

/** What the two services have in common: the ways in which AWS fails. */
export abstract class AwsSecrets implements SecretService {
  abstract readonly title: string;
  abstract readonly features: readonly SecretStoreFeature[];
  readonly timeout = 10_000;
  readonly addressFields = 'endpoint and region';

  abstract get(name: string, metadata: RequestMetadata, signal: AbortSignal): Promise<Secret | undefined>;
  abstract list(metadata: RequestMetadata, signal: AbortSignal): AsyncIterable<readonly string[]>;
  abstract close(): void;

  failure(error: unknown, doing: string): ComponentError {
    return awsError(error, `${doing} in ${this.title}`);
  }

  isForbidden(error: unknown): boolean {
    return error instanceof Error && error.name.includes('AccessDenied');
  }
}
