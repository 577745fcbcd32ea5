import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';

/** What the linter of Compose files prints of one. */
interface LintedFile {
  readonly messages: readonly {
    readonly severity: string;
    readonly line: number;
    readonly rule: string;
    readonly message: string;
  }[];
}

/** Of its findings those that are no matter of taste, such as the order of keys. */
const grave: readonly string[] = ['critical', 'major'];

/**
 * What is wrong in a Compose file, by the JSON schema of the Compose specification and by the linter's own rules, one line each.
 *
 * @param root of the workspace, which has the linter
 */
export function composeProblems(root: string, file: string): string[] {
  const linter = join(root, 'node_modules/dclint/bin/dclint.cjs');
  const { stdout, stderr } = spawnSync(process.execPath, [linter, '--formatter', 'json', file], { encoding: 'utf8' });
  if (stdout === '') throw new Error(`the linter of Compose files says nothing: ${stderr}`);
  return (JSON.parse(stdout) as readonly LintedFile[])
    .flatMap(({ messages }) => messages)
    .filter(({ severity }) => grave.includes(severity))
    .map(({ line, rule, message }) => `line ${line}: ${rule}: ${message}`);
}

/** Type of each kind in the Kubernetes project's own client for JavaScript, generated from the OpenAPI document of a release. */
const types: Readonly<Record<string, string>> = {
  'v1/ConfigMap': 'V1ConfigMap',
  'v1/Namespace': 'V1Namespace',
  'v1/Secret': 'V1Secret',
  'v1/Service': 'V1Service',
  'v1/ServiceAccount': 'V1ServiceAccount',
  'apps/v1/Deployment': 'V1Deployment',
  'rbac.authorization.k8s.io/v1/ClusterRole': 'V1ClusterRole',
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': 'V1ClusterRoleBinding',
};

/**
 * What the OpenAPI document of Kubernetes has against manifests, one line each: fields that there are not, that are missing or of
 * another type. Each resource becomes a literal of its type, and TypeScript says the rest.
 *
 * @param root of the workspace, whose packages have the types
 */
export function manifestProblems(root: string, yaml: string): string[] {
  const resources = loadAll(yaml) as Readonly<Record<'apiVersion' | 'kind', string>>[];
  const names = resources.map(({ apiVersion, kind }) => `${apiVersion}/${kind}`);
  const unknown = names.filter((name) => !(name in types));
  if (unknown.length > 0)
    return unknown.map((name) => `there is no kind ${name}, or tools/check-deployment.ts lacks it`);
  const literals = resources.map(
    (resource, index) => `({\n${lines(resource)}\n}) satisfies client.${types[names[index] ?? '']};\n`,
  );
  return complaints(root, `import type * as client from '@kubernetes/client-node';\n${literals.join('')}`);
}

/** The fields one to a line, so that a complaint shows the one that is meant. */
function lines(resource: object): string {
  return JSON.stringify(resource, undefined, 1).split('\n').slice(1, -1).join('\n');
}

/** Of TypeScript about a module, each with the line that it is about. */
function complaints(root: string, source: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-manifests-'));
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    writeFileSync(join(folder, 'manifests.ts'), source);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const flags = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--types',
      'node',
      '--pretty',
      'false',
    ];
    execFileSync(process.execPath, [tsc, ...flags, 'manifests.ts'], { cwd: folder, encoding: 'utf8' });
    return [];
  } catch (error) {
    const { stdout = '' } = error as { readonly stdout?: string };
    const found = [...stdout.matchAll(/^manifests\.ts\((\d+),\d+\): error \w+: (.*)$/gm)];
    if (found.length === 0) throw error;
    return found.map(([, line, message]) => `${source.split('\n')[Number(line) - 1]?.trim()} ${message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
