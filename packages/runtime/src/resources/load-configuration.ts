import type { Logger } from '@outrigger/core';

import { readAccessControl } from './access-control-section.ts';
import { componentVersion } from './component-resource.ts';
import type { ApiRule, Configuration, PipelineHandler, SecretScope } from './configuration.ts';
import { readSpec } from './envelope.ts';
import type { FieldReader } from './field-reader.ts';
import { readEnvelope, readYamlFile } from './load-resources.ts';
import type { Problems } from './problems.ts';

export interface LoadConfigurationOptions {
  readonly files: readonly string[];
  /** For `$NAME` and `${NAME}` in the files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly problems: Problems;
  readonly logger: Logger;
}

/** Sections that belong to Dapr but to no building block of today: kept as they are. */
const laterSections = ['tracing', 'metric', 'metrics', 'mtls', 'wasm', 'workflow'];

/** Those of them that whoever serves the runtime reads. */
const readElsewhere: ReadonlySet<string> = new Set(['metric', 'metrics', 'mtls']);

const noConfiguration: Configuration = {
  name: '',
  httpPipeline: [],
  appHttpPipeline: [],
  secretScopes: [],
  features: new Map(),
  api: { allowed: [], denied: [] },
  deniedComponents: [],
  logging: { apiLogging: { obfuscateURLs: false, omitHealthChecks: false } },
  sections: {},
};

/** Reads the files in their order; what a later file has, be it a list, replaces what an earlier one had. */
export async function loadConfiguration(options: LoadConfigurationOptions): Promise<Configuration> {
  const { files, problems, logger } = options;
  let merged = noConfiguration;
  for (const file of files) {
    const expand = (source: string): string => expandEnvironment(source, options.env);
    const known = problems.errors.length;
    const documents = await readYamlFile(file, problems, expand);
    let found = false;
    for (const document of documents) {
      const envelope = readEnvelope(document, file, problems, ['Configuration']);
      const read = envelope && readSpec(envelope, readSections);
      if (envelope === undefined) continue;
      found = true;
      for (const name of Object.keys(read?.sections ?? {})) {
        if (readElsewhere.has(name)) continue;
        logger.debug(`${file}: section ${name} of the Configuration does nothing yet`);
      }
      merged = { ...merge(merged, read), name: envelope.name };
    }
    if (!found && problems.errors.length === known)
      problems.error({ file, message: 'there is no resource of kind Configuration in this file' });
  }
  return merged;
}

/** `$NAME` and `${NAME}`, as in a shell; a name that is not set gives the empty text. */
function expandEnvironment(source: string, env: Readonly<Record<string, string | undefined>>): string {
  return source.replaceAll(
    /\$(?:\{(\w+)\}|([A-Za-z_]\w*))/g,
    (_, braced?: string, bare?: string) => env[braced ?? bare ?? ''] ?? '',
  );
}

type Sections = Partial<Omit<Configuration, 'api' | 'logging'>> & {
  readonly api?: Partial<Configuration['api']>;
  readonly apiLogging?: Partial<Configuration['logging']['apiLogging']>;
};

function merge(earlier: Configuration, { api, apiLogging, ...later }: Sections = {}): Configuration {
  return {
    ...earlier,
    ...later,
    api: { ...earlier.api, ...api },
    logging: { apiLogging: { ...earlier.logging.apiLogging, ...apiLogging } },
    features: new Map([...earlier.features, ...(later.features ?? [])]),
    sections: { ...earlier.sections, ...later.sections },
  };
}

function readSections(spec: FieldReader): Sections {
  const [httpPipeline, appHttpPipeline] = ['httpPipeline', 'appHttpPipeline'].map((name) => pipelineOf(spec, name));
  const secretScopes = secretScopesOf(spec);
  const nameResolution = nameResolutionOf(spec);
  const accessControl = within(spec, 'accessControl', readAccessControl);
  const features = featuresOf(spec);
  const api = apiOf(spec);
  const deniedComponents = deniedOf(spec);
  const apiLogging = apiLoggingOf(spec);
  const later = laterSections.filter((name) => spec.has(name)).map((name) => [name, spec.raw(name)] as const);
  return {
    ...(httpPipeline && { httpPipeline }),
    ...(appHttpPipeline && { appHttpPipeline }),
    ...(secretScopes && { secretScopes }),
    ...(nameResolution && { nameResolution }),
    ...(accessControl && { accessControl }),
    ...(features && { features }),
    ...(api && { api }),
    ...(deniedComponents && { deniedComponents }),
    ...(apiLogging && { apiLogging }),
    sections: Object.fromEntries(later),
  };
}

/** Reads an object that may not be there and reports its unknown fields. */
function within<T>(parent: FieldReader, name: string, read: (section: FieldReader) => T): T | undefined {
  const section = parent.object(name);
  if (section === undefined) return undefined;
  const value = read(section);
  section.done();
  return value;
}

function each<T>(parent: FieldReader, name: string, read: (entry: FieldReader) => T): T[] {
  return parent.objects(name).map((entry) => {
    const value = read(entry);
    entry.done();
    return value;
  });
}

function pipelineOf(spec: FieldReader, name: string): PipelineHandler[] | undefined {
  return within(spec, name, (section) =>
    each(section, 'handlers', (handler) => {
      handler.raw('selector');
      return {
        name: handler.requiredText('name'),
        type: handler.requiredText('type'),
        version: componentVersion(handler.text('version')),
      };
    }),
  );
}

function secretScopesOf(spec: FieldReader): SecretScope[] | undefined {
  const seen = new Set<string>();
  return within(spec, 'secrets', (section) =>
    each(section, 'scopes', (scope) => {
      const storeName = scope.requiredText('storeName').trim();
      if (seen.has(storeName) && storeName !== '') {
        scope.error(`spec.secrets.scopes: the store "${storeName}" has a second scope; put both into one`);
      }
      seen.add(storeName);
      return {
        storeName,
        defaultAccess: scope.oneOf('defaultAccess', ['allow', 'deny']) ?? 'allow',
        allowedSecrets: scope.texts('allowedSecrets'),
        deniedSecrets: scope.texts('deniedSecrets'),
      };
    }),
  );
}

function nameResolutionOf(spec: FieldReader): Configuration['nameResolution'] {
  return within(spec, 'nameResolution', (section) => ({
    component: section.requiredText('component'),
    version: componentVersion(section.text('version')),
    configuration: section.textMap('configuration'),
    ...section.position,
  }));
}

function featuresOf(spec: FieldReader): Map<string, boolean> | undefined {
  if (!spec.has('features')) return undefined;
  return new Map(each(spec, 'features', (one) => [one.requiredText('name'), one.flag('enabled') ?? false] as const));
}

function apiOf(spec: FieldReader): Sections['api'] {
  return within(spec, 'api', (section) => {
    const rules = (list: string): ApiRule[] =>
      each(section, list, (rule) => ({
        name: rule.requiredText('name'),
        version: rule.text('version') ?? '',
        protocol: rule.oneOf('protocol', ['http', 'grpc']) ?? '',
        ...rule.position,
      }));
    return {
      ...(section.has('allowed') && { allowed: rules('allowed') }),
      ...(section.has('denied') && { denied: rules('denied') }),
    };
  });
}

function deniedOf(spec: FieldReader): string[] | undefined {
  return within(spec, 'components', (section) => section.texts('deny'));
}

function apiLoggingOf(spec: FieldReader): Sections['apiLogging'] {
  return within(spec, 'logging', (logging) =>
    within(logging, 'apiLogging', (section) => {
      const [enabled, obfuscateURLs, omitHealthChecks] = ['enabled', 'obfuscateURLs', 'omitHealthChecks'].map((name) =>
        section.flag(name),
      );
      return {
        ...(enabled !== undefined && { enabled }),
        ...(obfuscateURLs !== undefined && { obfuscateURLs }),
        ...(omitHealthChecks !== undefined && { omitHealthChecks }),
      };
    }),
  );
}
