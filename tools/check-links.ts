import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** Every relative link in a Markdown file that leads nowhere, one line each: the file is missing, or the heading in it. */
export function checkLinks(root: string): string[] {
  const exclude = (path: string) => /(^|[/\\])(node_modules|dist)([/\\]|$)/.test(path);
  const files = globSync('**/*.md', { cwd: root, exclude }).map((file) => file.replaceAll('\\', '/'));
  const problems: string[] = [];
  for (const file of files.toSorted()) {
    const text = withoutCode(readFileSync(join(root, file), 'utf8'));
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/i.test(target)) continue;
      const [path = '', heading] = target.split('#');
      const linked = path === '' ? file : posix.join(dirname(file), decodeURI(path));
      if (!existsSync(join(root, linked))) problems.push(`${file}: ${target} is not there`);
      else if (heading !== undefined && !anchors(join(root, linked)).has(heading)) {
        problems.push(`${file}: ${linked} has no heading for #${heading}`);
      }
    }
  }
  return problems;
}

/** The anchors that GitHub and npm make of a page's headings. */
function anchors(file: string): Set<string> {
  const headings = withoutCode(readFileSync(file, 'utf8')).matchAll(/^#+\s+(.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^ *```.*?^ *```/gms, '');
}
