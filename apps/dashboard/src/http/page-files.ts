import { readFile } from 'node:fs/promises';

import type { Exchange } from './exchange.ts';
import { HttpError } from './http-error.ts';

const files: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/main.js': { name: 'main.js', type: 'text/javascript; charset=utf-8' },
  '/page.css': { name: 'page.css', type: 'text/css; charset=utf-8' },
};

/** Where the build puts the page: beside this file when it is built, else in the folder of what is built. */
const folder = new URL(import.meta.filename.endsWith('.ts') ? '../../dist/page/' : './page/', import.meta.url);

export function isPageFile(path: string): boolean {
  return Object.hasOwn(files, path);
}

/** Throws 503 where the page is not built. */
export async function replyPageFile({ response, url }: Exchange): Promise<void> {
  const file = files[url.pathname];
  if (file === undefined) throw new HttpError(404, `there is no ${url.pathname}`);
  const body = await readFile(new URL(file.name, folder)).catch((error: unknown) => {
    throw new HttpError(503, 'the page is not built; npm run build makes it', { cause: error });
  });
  response.writeHead(200, { 'content-type': file.type, 'content-length': body.byteLength }).end(body);
}
