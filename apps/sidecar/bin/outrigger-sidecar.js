#!/usr/bin/env node
// A file of its own, not dist/main.js: npm links a command only when its file exists at install time, and a Node that
// is too old gets a sentence instead of a syntax error.
import module from 'node:module';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`outrigger-sidecar needs Node.js 22.18 or newer; this is ${process.version}.`);
  process.exit(1);
}
module.enableCompileCache?.();
await import('../dist/main.js');
