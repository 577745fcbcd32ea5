import { expect, test } from 'vitest';

import { Folder, LogLines } from '../../test/folder.ts';
import { loadConfiguration } from './load-configuration.ts';
import { describeProblem, Problems } from './problems.ts';

async function load(specs: readonly string[], env: Readonly<Record<string, string>> = {}) {
  using folder = new Folder();
  const head = 'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: config\nspec:\n';
  const files = specs.map((spec, index) => folder.file(`${index}.yaml`, spec.startsWith('kind') ? spec : head + spec));
  const problems = new Problems();
  const logger = new LogLines();
  const configuration = await loadConfiguration({ files, env, problems, logger });
  const shown = (list: typeof problems.errors) =>
    list.map((one) => describeProblem(one).replaceAll(`${folder.path}/`, ''));
  return { configuration, errors: shown(problems.errors), warnings: shown(problems.warnings), log: logger.lines };
}

test('without a file everything has its default', async () => {
  const { configuration, errors } = await load([]);
  expect(errors).toEqual([]);
  expect(configuration).toEqual({
    name: '',
    httpPipeline: [],
    appHttpPipeline: [],
    secretScopes: [],
    features: new Map(),
    api: { allowed: [], denied: [] },
    deniedComponents: [],
    logging: { apiLogging: { obfuscateURLs: false, omitHealthChecks: false } },
    sections: {},
  });
});

test('all sections of use today are read', async () => {
  const { configuration, errors, warnings } = await load([
    `  secrets:
    scopes: [{storeName: s, defaultAccess: Deny, allowedSecrets: [a]}]
  nameResolution: {component: sqlite, configuration: {updateInterval: 5, x: text}}
  features: [{name: HotReload, enabled: true}]
  api: {denied: [{name: state, version: v1, protocol: HTTP}]}
  components: {deny: [state.x/v1]}
  logging: {apiLogging: {enabled: true, obfuscateURLs: true}}
  httpPipeline: {handlers: [{name: up, type: middleware.http.uppercase}]}
`,
  ]);
  expect([...errors, ...warnings]).toEqual([]);
  expect(configuration).toMatchObject({
    name: 'config',
    secretScopes: [{ storeName: 's', defaultAccess: 'deny', allowedSecrets: ['a'], deniedSecrets: [] }],
    nameResolution: { component: 'sqlite', version: 'v1', configuration: { updateInterval: '5', x: 'text' } },
    features: new Map([['HotReload', true]]),
    api: { allowed: [], denied: [{ name: 'state', version: 'v1', protocol: 'http', line: 10 }] },
    deniedComponents: ['state.x/v1'],
    logging: { apiLogging: { enabled: true, obfuscateURLs: true, omitHealthChecks: false } },
    httpPipeline: [{ name: 'up', type: 'middleware.http.uppercase', version: 'v1' }],
  });
});

test('later files win, section by section', async () => {
  const { configuration } = await load([
    '  components: {deny: [a]}\n  logging: {apiLogging: {enabled: true}}\n  features: [{name: A, enabled: true}]\n',
    '  components: {deny: [b]}\n  logging: {apiLogging: {omitHealthChecks: true}}\n  features: [{name: B, enabled: true}]\n',
  ]);
  expect(configuration.deniedComponents).toEqual(['b']);
  expect(configuration.logging.apiLogging).toEqual({ enabled: true, obfuscateURLs: false, omitHealthChecks: true });
  expect([...configuration.features.keys()]).toEqual(['A', 'B']);
});

test('$NAME and ${NAME} are taken from the environment', async () => {
  const { configuration } = await load(
    ['  nameResolution: {component: $KIND, configuration: {path: "${DIR}/names.db$NONE"}}\n'],
    {
      KIND: 'sqlite',
      DIR: '/data',
    },
  );
  expect(configuration.nameResolution).toMatchObject({
    component: 'sqlite',
    configuration: { path: '/data/names.db' },
  });
});

test('sections for later are kept and said at debug level; those nobody knows are warned of', async () => {
  const { configuration, log, warnings } = await load(['  tracing: {samplingRate: "1"}\n  tracin: {}\n']);
  expect(configuration.sections).toEqual({ tracing: { samplingRate: '1' } });
  expect(log).toEqual([expect.stringMatching(/^debug .*section tracing of the Configuration does nothing yet/)]);
  expect(warnings).toEqual([
    '0.yaml:7: Configuration "config": unknown field spec.tracin is ignored; did you mean tracing?',
  ]);
});

test('a second scope for one secret store is an error, as either might be meant', async () => {
  const { errors } = await load([
    '  secrets:\n    scopes:\n      - {storeName: s}\n      - {storeName: t}\n      - {storeName: " s"}\n',
  ]);
  expect(errors).toEqual([
    '0.yaml:10: Configuration "config": spec.secrets.scopes: the store "s" has a second scope; put both into one',
  ]);
});

test('what is wrong is told with its line', async () => {
  const { errors } = await load([
    '  secrets: {scopes: [{defaultAccess: maybe}]}\n  features: yes\n',
    'kind: Component\napiVersion: dapr.io/v1alpha1\n',
  ]);
  expect(errors).toEqual([
    '0.yaml:6: Configuration "config": spec.secrets.scopes[0].storeName is missing',
    '0.yaml:6: Configuration "config": spec.secrets.scopes[0].defaultAccess must be one of "allow", "deny"',
    '0.yaml:7: Configuration "config": spec.features must be a list of objects',
    '1.yaml: there is no resource of kind Configuration in this file',
  ]);
});
