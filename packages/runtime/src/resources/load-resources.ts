import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, nearestName } from '@outrigger/core';

import { type ComponentResource, readComponent } from './component-resource.ts';
import type { Envelope } from './envelope.ts';
import { FieldReader, isObject } from './field-reader.ts';
import { type HttpEndpointResource, readHttpEndpoint } from './http-endpoint-resource.ts';
import type { Problems } from './problems.ts';
import { readResiliency, type ResiliencyResource } from './resiliency-resource.ts';
import type { Resource } from './resource.ts';
import { readSubscription, type SubscriptionResource } from './subscription-resource.ts';
import { parseYaml, type YamlDocument, YamlError } from './yaml-document.ts';

/** Everything in the folders that is for this app, in the order of folders, files and documents. */
export interface Resources {
  readonly components: readonly ComponentResource[];
  readonly subscriptions: readonly SubscriptionResource[];
  readonly resiliencies: readonly ResiliencyResource[];
  readonly httpEndpoints: readonly HttpEndpointResource[];
}

export interface LoadOptions {
  readonly folders: readonly string[];
  readonly appId: string;
  /** Resources of other namespaces are left out; empty: none is. */
  readonly namespace: string;
  readonly problems: Problems;
  /** Others are passed over in silence. Default: all kinds are read. */
  readonly kinds?: readonly string[];
}

const readers: Readonly<Record<string, (envelope: Envelope) => Resource | undefined>> = {
  Component: readComponent,
  Subscription: readSubscription,
  Resiliency: readResiliency,
  HTTPEndpoint: readHttpEndpoint,
};

/** Kinds of Dapr that do nothing in a folder of resources, and what to say of them. */
const otherKinds: Readonly<Record<string, string>> = {
  Configuration: 'a Configuration is not read from here: name its file with --config (library: configPaths)',
  MCPServer: 'MCPServer resources are not supported yet; this one is ignored',
  WorkflowAccessPolicy: 'WorkflowAccessPolicy resources are not supported yet; this one is ignored',
};

const versions: Readonly<Record<string, readonly string[]>> = { Subscription: ['v1alpha1', 'v2alpha1'] };

/** Reads all `.yaml` and `.yml` files of the folders, not of folders inside them. What is wrong goes to `problems`. */
export async function loadResources(options: LoadOptions): Promise<Resources> {
  const { appId, kinds, namespace, problems } = options;
  const byKind = new Map<string, Resource[]>();
  const firstOf = new Map<string, Resource>();
  for (const file of listFiles(options.folders, problems)) {
    for (const document of await readYamlFile(file, problems)) {
      if (kinds !== undefined && !(isObject(document.value) && kinds.includes(String(document.value['kind']))))
        continue;
      const envelope = readEnvelope(document, file, problems);
      if (envelope === undefined || !isForUs(envelope, appId, namespace)) continue;
      const { kind, name } = envelope;
      const first = firstOf.get(`${kind}/${name}`);
      if (first === undefined) firstOf.set(`${kind}/${name}`, envelope);
      // nothing refers to a Subscription by its name, and Dapr takes several of one name
      else if (kind !== 'Subscription')
        envelope.root.error(
          `the name is taken by ${first.file}:${first.line}; rename one of them, or give them scopes or namespaces`,
        );
      const resource = readers[kind]?.(envelope);
      if (resource === undefined) continue;
      byKind.set(kind, [...(byKind.get(kind) ?? []), resource]);
    }
  }
  return {
    components: (byKind.get('Component') ?? []) as ComponentResource[],
    subscriptions: (byKind.get('Subscription') ?? []) as SubscriptionResource[],
    resiliencies: (byKind.get('Resiliency') ?? []) as ResiliencyResource[],
    httpEndpoints: (byKind.get('HTTPEndpoint') ?? []) as HttpEndpointResource[],
  };
}

// At once rather than as promises: nothing else is going on at the start, and the thread pool would have to be started.
function listFiles(folders: readonly string[], problems: Problems): string[] {
  const files: string[] = [];
  const seen = new Set<string>();
  for (const folder of folders) {
    try {
      const real = realpathSync(folder);
      if (seen.has(real)) continue;
      seen.add(real);
      const entries = readdirSync(folder);
      files.push(
        ...entries
          .filter((entry) => /\.ya?ml$/i.test(entry))
          .toSorted()
          .map((entry) => join(folder, entry)),
      );
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const reason =
        code === 'ENOENT' ? 'there is no such folder' : code === 'ENOTDIR' ? 'this is a file' : errorMessage(error);
      problems.error({
        file: folder,
        message: `${reason}; --resources-path (library: resourcesPaths) names a folder with YAML files`,
      });
    }
  }
  return files;
}

/** The documents of one file; none when it cannot be read or is no YAML. */
export async function readYamlFile(
  file: string,
  problems: Problems,
  change: (source: string) => string = (source) => source,
): Promise<YamlDocument[]> {
  try {
    return await parseYaml(change(readFileSync(file, 'utf8')));
  } catch (error) {
    if (error instanceof YamlError)
      problems.error({ file, line: error.line, message: `this is not valid YAML: ${error.message}` });
    else if ((error as NodeJS.ErrnoException).code === 'EISDIR') return [];
    else problems.error({ file, message: `the file cannot be read: ${errorMessage(error)}` });
    return [];
  }
}

/** What stands around the spec; `undefined` when the document is none of ours. `known`: the kinds that are read. */
export function readEnvelope(
  document: YamlDocument,
  file: string,
  problems: Problems,
  known: readonly string[] = Object.keys(readers),
): Envelope | undefined {
  const { value } = document;
  const line = document.lineOf([]);
  if (!isObject(value)) {
    problems.error({ file, line, message: 'a resource must be an object with apiVersion, kind, metadata and spec' });
    return undefined;
  }
  const { kind, apiVersion } = value;
  if (!isOurs(kind, apiVersion, known)) {
    problems.warn({ file, line, message: describeUnknown(kind, known) });
    return undefined;
  }
  // the name is read first, so that every problem can say it
  const { metadata } = value;
  const named = isObject(metadata) && typeof metadata['name'] === 'string' ? `${kind} "${metadata['name']}"` : kind;
  const root = new FieldReader({ document, file, resource: named, problems }, [], value);
  root.raw('kind');
  const version = versionOf(root, kind);
  const meta = root.object('metadata');
  if (!root.has('metadata')) root.error('metadata.name is missing');
  const auth = root.object('auth');
  const name = meta?.requiredText('name') ?? '';
  if (/^\.\.?$|[/%]/.test(name))
    root.error('metadata.name must not be "." or "..", nor contain "/" or "%"', ['metadata', 'name']);
  const envelope = {
    kind,
    file,
    line,
    root,
    apiVersion: version,
    name,
    namespace: meta?.text('namespace') ?? '',
    scopes: root.texts('scopes'),
    secretStore: auth?.text('secretStore') ?? '',
  };
  auth?.done();
  root.raw('spec');
  root.done((name) =>
    /^(type|version|initTimeout|ignoreErrors|topic|pubsubname|baseUrl)$/.test(name)
      ? `; ${name} belongs below spec`
      : undefined,
  );
  return envelope;
}

function isOurs(kind: unknown, apiVersion: unknown, known: readonly string[]): kind is string {
  const foreign = typeof apiVersion === 'string' && !apiVersion.startsWith('dapr.io/');
  return typeof kind === 'string' && known.includes(kind) && !foreign;
}

function describeUnknown(kind: unknown, known: readonly string[]): string {
  if (typeof kind !== 'string') return 'this document has no kind and is ignored';
  const other = otherKinds[kind];
  if (other !== undefined) return other;
  if (known.includes(kind)) return `this ${kind} is ignored, since its apiVersion is not one of dapr.io`;
  const near = nearestName(kind, known);
  return `resources of kind ${kind} are ignored${near === undefined ? '' : `; did you mean ${near}?`}`;
}

function versionOf(root: FieldReader, kind: string): string {
  const text = root.text('apiVersion');
  const allowed = versions[kind] ?? ['v1alpha1'];
  if (text === undefined) {
    if (!root.has('apiVersion')) root.warn(`apiVersion is missing; dapr.io/${allowed[0]} is assumed`);
    return '';
  }
  const version = text.slice('dapr.io/'.length);
  if (!allowed.includes(version)) {
    root.error(`apiVersion must be ${allowed.map((one) => `dapr.io/${one}`).join(' or ')}`, ['apiVersion']);
  }
  return version;
}

function isForUs({ scopes, namespace: own }: Envelope, appId: string, namespace: string): boolean {
  return (scopes.length === 0 || scopes.includes(appId)) && (namespace === '' || own === '' || own === namespace);
}
