#!/bin/sh
':' /*
# For a shell, these lines are the command, and to Node.js they are a comment: so it also starts with an empty environment,
# and prefers the Node.js that a project has pinned (the npm package `node`) beside node_modules/.bin or beside this package.
# Nothing is started for that: every process would take longer than a part of Node's own start.
here=${0%/*}
for node in "$here/../node/bin/node" "$here/../../../node_modules/node/bin/node" "$here/../../../node/bin/node"; do
  [ -x "$node" ] && exec "$node" "$0" "$@"
done
for node in "$(command -v node)" /usr/local/bin/node /usr/bin/node; do
  [ -x "$node" ] && exec "$node" "$0" "$@"
done
echo 'outrigger: no Node.js found; install 22.18 or newer, or put it on the PATH' >&2
exit 1
*/
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `outrigger needs Node.js 22.18 or newer; this is ${process.version}. \`npm i -D node@24\` pins one for a project.`,
  );
  process.exit(1);
}
// Beside the installed packages, never in a shared temporary folder: whoever can write the cache can run code here.
process.getBuiltinModule('node:module').enableCompileCache(`${import.meta.dirname}/../.compile-cache`);
await import('../dist/main.js');
