import { expect, test } from 'vitest';

import { Folder } from '../../test/folder.ts';
import { loadResources } from './load-resources.ts';
import { describeProblem, Problems } from './problems.ts';

async function load(files: Readonly<Record<string, string>>, options: { appId?: string; namespace?: string } = {}) {
  using folder = new Folder();
  for (const [name, content] of Object.entries(files)) folder.file(name, content);
  const problems = new Problems();
  const resources = await loadResources({ folders: [folder.path], appId: 'app', namespace: '', ...options, problems });
  const shown = (list: typeof problems.errors) =>
    list.map((one) => describeProblem(one).replaceAll(`${folder.path}/`, ''));
  return { resources, errors: shown(problems.errors), warnings: shown(problems.warnings) };
}

const head = (kind: string, name: string, version = 'v1alpha1') =>
  `apiVersion: dapr.io/${version}\nkind: ${kind}\nmetadata:\n  name: ${name}\n`;

test('all documents of all YAML files are read in order, files of other names and inner folders are not', async () => {
  const component = (name: string) => `${head('Component', name)}spec:\n  type: state.x\n`;
  const { resources, errors, warnings } = await load({
    'b.yml': component('three'),
    'a.yaml': `# first\n---\n${component('one')}---\n${component('two')}---\n`,
    'notes.txt': 'kind: nonsense',
    'inner/c.yaml': component('four'),
  });
  expect(resources.components.map(({ name }) => name)).toEqual(['one', 'two', 'three']);
  expect([...errors, ...warnings]).toEqual([]);
});

test('a component has its defaults, and values are texts as they were written', async () => {
  const { resources } = await load({
    'c.yaml': `${head('Component', 'c')}spec:
  type: state.x
  metadata:
    - {name: text, value: abc}
    - {name: port, value: 6379}
    - {name: version, value: 2.10}
    - {name: big, value: 12345678901234567890}
    - {name: flag, value: true}
    - {name: list, value: [1, {a: b}]}
    - {name: nothing}
    - {name: secret, secretKeyRef: {name: s}}
    - {name: env, envRef: HOME}
`,
  });
  const [component] = resources.components;
  expect(component).toMatchObject({
    version: 'v1',
    initTimeout: 5000,
    ignoreErrors: false,
    secretStore: '',
    namespace: '',
  });
  const values = Object.fromEntries(component?.metadata.map(({ name, ...value }) => [name, value]) ?? []);
  expect(values).toMatchObject({
    text: { value: 'abc' },
    port: { value: '6379' },
    version: { value: '2.10' },
    big: { value: '12345678901234567890' },
    flag: { value: 'true' },
    list: { value: '[1,{"a":"b"}]' },
    nothing: { value: '' },
    secret: { secretKeyRef: { name: 's', key: 's' } },
    env: { envRef: 'HOME' },
  });
});

test('a file may hold JSON, with tabs', async () => {
  const { resources, errors } = await load({
    'c.yaml':
      '{\n\t"apiVersion": "dapr.io/v1alpha1", "kind": "Component",\n\t"metadata": {"name": "c"}, "spec": {"type": "state.x", "version": "v0"}\n}',
  });
  expect(errors).toEqual([]);
  expect(resources.components[0]).toMatchObject({ name: 'c', type: 'state.x', version: 'v1' });
});

test('scopes and namespaces decide what is for this app, before anything else is checked', async () => {
  const files = {
    'c.yaml': `${head('Component', 'mine')}spec: {type: state.x}\nscopes: [app, other]
---
${head('Component', 'theirs')}spec: {type: 7}\nscopes: [other]
---
${head('Component', 'placed')}  namespace: prod\nspec: {type: state.x}
---
${head('Component', 'elsewhere')}  namespace: test\nspec: {type: state.x}
`,
  };
  const names = async (namespace: string) => {
    const { resources, errors } = await load(files, { namespace });
    expect(errors).toEqual([]);
    return resources.components.map(({ name }) => name);
  };
  expect(await names('')).toEqual(['mine', 'placed', 'elsewhere']);
  expect(await names('prod')).toEqual(['mine', 'placed']);
});

test('unknown fields are warned of with their line and what was meant', async () => {
  const { warnings, errors } = await load({
    'c.yaml': `${head('Component', 'c')}spec:
  type: state.x
  verion: v1
  scopes: [a]
  metadata:
    - name: a
      vaule: b
    - name: c
      value: x
      envRef: Y
initTimeout: 3s
`,
  });
  expect(errors).toEqual([]);
  expect(warnings).toEqual([
    'c.yaml:15: Component "c": unknown field initTimeout is ignored; initTimeout belongs below spec',
    'c.yaml:11: Component "c": unknown field spec.metadata[0].vaule is ignored; did you mean value?',
    'c.yaml:12: Component "c": has more than one of value, secretKeyRef and envRef; secretKeyRef is used before envRef, envRef before value',
    'c.yaml:7: Component "c": unknown field spec.verion is ignored; did you mean version?',
    'c.yaml:8: Component "c": unknown field spec.scopes is ignored; scopes belongs at the top level, beside spec',
  ]);
});

test('everything that is wrong in all files is found at once', async () => {
  const { errors } = await load({
    'a.yaml': `${head('Component', 'a')}spec:
  version: 1
  initTimeout: soon
  ignoreErrors: perhaps
  metadata: {name: x}
---
${head('Component', 'b', 'v2')}---
${head('Component', '../x')}spec: {type: state.x}
`,
    'b.yaml': 'kind: Component\nmetadata: {name: x\n',
    'c.yaml': '- just\n- a list\n',
  });
  expect(errors).toEqual([
    'a.yaml:5: Component "a": spec.type is missing',
    'a.yaml:6: Component "a": spec.version must be a text: put 1 in quotes',
    'a.yaml:9: Component "a": spec.metadata must be a list of objects',
    'a.yaml:7: Component "a": spec.initTimeout must be a duration such as "500ms", "5s" or "1m30s"',
    'a.yaml:8: Component "a": spec.ignoreErrors must be true or false',
    'a.yaml:11: Component "b": apiVersion must be dapr.io/v1alpha1',
    'a.yaml:11: Component "b": spec is missing',
    'a.yaml:19: Component "../x": metadata.name must not be "." or "..", nor contain "/" or "%"',
    'b.yaml:3: this is not valid YAML: deficient indentation',
    'c.yaml:1: a resource must be an object with apiVersion, kind, metadata and spec',
  ]);
});

test('two resources of one kind and name name both files', async () => {
  const component = `${head('Component', 'same')}spec: {type: state.x}\n`;
  const { errors } = await load({ 'a.yaml': component, 'b.yaml': component });
  expect(errors).toEqual([
    'b.yaml:1: Component "same": the name is taken by a.yaml:1; rename one of them, or give them scopes or namespaces',
  ]);
});

test('kinds that are not read here are said', async () => {
  const { warnings } = await load({
    'k.yaml': `${head('MCPServer', 'm')}---
${head('Configuration', 'c')}---
${head('Compnent', 'x')}---
apiVersion: v1
kind: Service
---
apiVersion: serving.example/v1
kind: Component
---
just: a map
`,
  });
  expect(warnings.map((line) => line.replace(/^k\.yaml:\d+: /, ''))).toEqual([
    'MCPServer resources are not supported yet; this one is ignored',
    'a Configuration is not read from here: name its file with --config (library: configPaths)',
    'resources of kind Compnent are ignored; did you mean Component?',
    'resources of kind Service are ignored',
    'this Component is ignored, since its apiVersion is not one of dapr.io',
    'this document has no kind and is ignored',
  ]);
});

test('a folder that is not there, or is a file, is an error that names it', async () => {
  using folder = new Folder();
  const file = folder.file('x.yaml', '');
  const problems = new Problems();
  await loadResources({ folders: ['/no/such/folder', file, folder.path], appId: 'a', namespace: '', problems });
  expect(problems.errors.map(describeProblem)).toEqual([
    '/no/such/folder: there is no such folder; --resources-path (library: resourcesPaths) names a folder with YAML files',
    `${file}: this is a file; --resources-path (library: resourcesPaths) names a folder with YAML files`,
  ]);
});

test('a folder given twice is read once', async () => {
  using folder = new Folder();
  folder.file('c.yaml', `${head('Component', 'c')}spec: {type: state.x}\n`);
  const problems = new Problems();
  const { components } = await loadResources({
    folders: [folder.path, `${folder.path}/.`],
    appId: 'a',
    namespace: '',
    problems,
  });
  expect([components.length, problems.errors]).toEqual([1, []]);
});

test('subscriptions of both versions come out the same', async () => {
  const { resources, errors, warnings } = await load({
    's.yaml': `${head('Subscription', 'one')}spec:
  pubsubname: p
  topic: t
  route: /orders
  deadLetterTopic: dead
  metadata: {rawPayload: true}
  bulkSubscribe: {enabled: true, maxMessagesCount: 10}
scopes: [app]
---
${head('Subscription', 'two', 'v2alpha1')}spec:
  pubsubname: p
  topic: u
  routes:
    rules:
      - match: event.type == "x"
        path: /x
    default: /rest
---
${head('Subscription', 'three', 'v2alpha1')}spec:
  pubsubname: p
  topic: v
`,
  });
  expect(warnings).toEqual([]);
  expect(errors).toEqual(['s.yaml:31: Subscription "three": spec.routes is missing: give it a default, or rules']);
  expect(resources.subscriptions.map(({ spec }) => spec).slice(0, 2)).toEqual([
    {
      pubsubName: 'p',
      topic: 't',
      deadLetterTopic: 'dead',
      metadata: { rawPayload: 'true' },
      rules: [{ path: '/orders' }],
      bulkSubscribe: { enabled: true, maxMessagesCount: 10 },
    },
    {
      pubsubName: 'p',
      topic: 'u',
      metadata: {},
      rules: [{ match: 'event.type == "x"', path: '/x' }, { path: '/rest' }],
    },
  ]);
});

test('HTTP endpoints are checked: URL, headers, both halves of a client certificate', async () => {
  const { resources, errors } = await load({
    'e.yaml': `${head('HTTPEndpoint', 'good')}spec:
  baseUrl: https://api.example.com
  headers: [{name: X-Key, secretKeyRef: {name: k, key: v}}]
  clientTLS: {rootCA: {value: pem}, renegotiation: renegotiatenever}
---
${head('HTTPEndpoint', 'bad')}spec:
  baseUrl: ftp://x
  clientTLS: {certificate: {value: c}}
`,
  });
  expect(resources.httpEndpoints[0]).toMatchObject({
    baseUrl: 'https://api.example.com',
    headers: [{ name: 'X-Key', secretKeyRef: { name: 'k', key: 'v' } }],
    clientTls: { rootCA: { value: 'pem' }, renegotiation: 'RenegotiateNever' },
  });
  expect(errors).toEqual([
    'e.yaml:16: HTTPEndpoint "bad": spec.clientTLS needs certificate and privateKey together, or neither',
    'e.yaml:15: HTTPEndpoint "bad": spec.baseUrl must be a URL that begins with http:// or https://',
  ]);
});
