import { STATUS_CODES } from 'node:http';
import type { RequestMetadata } from '@outrigger/core';

/** `statusCode`, `status` (`200 OK`) and every header, named as Go writes it (`Content-Type`); several values with commas. */
export function responseMetadata(
  status: number,
  statusText: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): RequestMetadata {
  const metadata: Record<string, string> = {};
  for (const [name, value = ''] of Object.entries(headers)) {
    metadata[canonical(name)] = typeof value === 'string' ? value : value.join(', ');
  }
  // last: where case does not count, the server's header "status" is not to hide them
  metadata['statusCode'] = String(status);
  metadata['status'] = `${status} ${statusText || (STATUS_CODES[status] ?? '')}`.trim();
  return metadata;
}

function canonical(name: string): string {
  return name.toLowerCase().replaceAll(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
