import { posix } from 'node:path';

const build = {
  // dist goes first, so that nothing of a deleted source is ever published.
  command: [
    `node -e "fs.rmSync('dist', { recursive: true, force: true })"`,
    'tsc -p tsconfig.build.json',
    'node ../../tools/bundle-package.ts',
  ].join(' && '),
  options: { cwd: '{projectRoot}' },
  cache: true,
  dependsOn: ['^build'],
  inputs: [
    'source',
    '^source',
    '{workspaceRoot}/tools/bundle-package.ts',
    '{workspaceRoot}/tools/bundle-page.ts',
    { externalDependencies: ['typescript', '@types/node', 'rolldown'] },
  ],
  outputs: ['{projectRoot}/dist'],
};

function targetsOf(configFile: string) {
  return [configFile, { projects: { [posix.dirname(configFile)]: { targets: { build } } } }] as const;
}

/** The Nx plugin that gives every folder with a `tsconfig.build.json` its `build`, so that packages carry no scripts. */
export const createNodesV2 = [
  '{packages,apps}/*/tsconfig.build.json',
  (configFiles: readonly string[]) => configFiles.map(targetsOf),
] as const;
