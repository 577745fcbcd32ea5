// Writes packages/protocol/src/gen: the code made from the .proto files, and their descriptors. With --check writes nothing
// and fails where the folder is not what the .proto files give.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../packages/protocol');
const written = join(folder, 'src/gen');

/** What buf prints on standard output; rejects with what it says of a faulty file. */
function buf(...args: readonly string[]): Buffer {
  return execFileSync('buf', args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
}

function generate(out: string): void {
  const template = JSON.parse(readFileSync(join(folder, 'buf.gen.json'), 'utf8')) as { plugins: { out: string }[] };
  for (const plugin of template.plugins) plugin.out = out;
  buf('generate', '--template', JSON.stringify(template));

  const set = buf('build', '--as-file-descriptor-set', '--exclude-source-info', '-o', '-#format=binpb');
  const lines = set.toString('base64').replaceAll(/.{120}/g, '$&\n');
  const source = `/** A google.protobuf.FileDescriptorSet in base64. */\nexport const fileDescriptorSet: string = \`\n${lines}\n\`;\n`;
  writeFileSync(join(out, 'file-descriptor-set.ts'), source);
}

function files(root: string): ReadonlyMap<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path.slice(root.length + 1), readFileSync(path, 'utf8')]));
}

const fresh = mkdtempSync(join(tmpdir(), 'outrigger-protocol-'));
try {
  generate(fresh);
  const [before, after] = [files(written), files(fresh)];
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
  if (process.argv.includes('--check')) {
    if (changed.length > 0) {
      console.error(
        `packages/protocol/src/gen is out of date: ${changed.join(', ')}\nwrite it anew with: npm run generate`,
      );
      process.exitCode = 1;
    }
  } else {
    for (const path of changed) {
      if (!after.has(path)) rmSync(join(written, path));
    }
    mkdirSync(written, { recursive: true });
    for (const path of changed) {
      if (after.has(path)) cpSync(join(fresh, path), join(written, path));
    }
    console.log(`${changed.length} of ${after.size} files have changed`);
  }
} finally {
  rmSync(fresh, { recursive: true });
}
