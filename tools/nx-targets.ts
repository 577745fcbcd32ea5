import { dirname } from 'node:path';

const build = {
  // Removed first, so that no file of a deleted source is ever published.
  command: `node -e "fs.rmSync('dist', { recursive: true, force: true })" && tsc -p tsconfig.build.json`,
  options: { cwd: '{projectRoot}' },
  cache: true,
  dependsOn: ['^build'],
  inputs: ['source', '^source', { externalDependencies: ['typescript', '@types/node'] }],
  outputs: ['{projectRoot}/dist'],
};

/** The Nx plugin that gives every folder with a `tsconfig.build.json` its `build` target: packages carry no scripts. */
export const createNodesV2 = [
  '{packages,apps}/*/tsconfig.build.json',
  (configFiles: readonly string[]) =>
    configFiles.map((file) => [file, { projects: { [dirname(file)]: { targets: { build } } } }] as const),
] as const;
