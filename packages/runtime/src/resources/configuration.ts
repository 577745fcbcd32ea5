import type { AccessControlSpec } from '../access-control/access-control-spec.ts';
import type { Position } from './resource.ts';

/** `spec` of the merged Configuration resources, validated; absent sections have their defaults. */
export interface Configuration {
  readonly name: string;
  readonly httpPipeline: readonly PipelineHandler[];
  readonly appHttpPipeline: readonly PipelineHandler[];
  readonly secretScopes: readonly SecretScope[];
  readonly nameResolution?: NameResolutionSpec;
  /** Absent: everybody may call everything. */
  readonly accessControl?: AccessControlSpec;
  readonly features: ReadonlyMap<string, boolean>;
  readonly api: { readonly allowed: readonly ApiRule[]; readonly denied: readonly ApiRule[] };
  /** `type` or `type/version` that must not be loaded. */
  readonly deniedComponents: readonly string[];
  readonly logging: {
    readonly apiLogging: {
      readonly enabled?: boolean;
      readonly obfuscateURLs: boolean;
      readonly omitHealthChecks: boolean;
    };
  };
  /** Sections that later building blocks read, as they stand in the YAML: tracing, metric, mtls, … */
  readonly sections: Readonly<Record<string, unknown>>;
}

export interface PipelineHandler {
  readonly name: string;
  readonly type: string;
  readonly version: string;
}

export interface SecretScope {
  readonly storeName: string;
  readonly defaultAccess: 'allow' | 'deny';
  readonly allowedSecrets: readonly string[];
  readonly deniedSecrets: readonly string[];
}

/** Where it stands in the file is kept for messages. */
export interface ApiRule extends Partial<Position> {
  readonly name: string;
  /** As it was written: `v1` or `v1.0`, `v1alpha1` or `v1.0-alpha1`. */
  readonly version: string;
  /** Empty: both. */
  readonly protocol: '' | 'http' | 'grpc';
}

/** Where it stands in the file is kept for messages. */
interface NameResolutionSpec extends Position {
  /** Without the `nameresolution.` of its type. */
  readonly component: string;
  readonly version: string;
  readonly configuration: Readonly<Record<string, string>>;
}
