/**
 * Response metadata of a binding as headers `metadata.<name>`, in lower case. Names that gRPC does not allow are left out;
 * characters that no header may hold become percent escapes of their UTF-8.
 */
export function responseMetadata(metadata: Readonly<Record<string, string>> = {}): [string, string][] {
  return Object.entries(metadata).flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    return /^[0-9a-z._-]+$/.test(lower) && !lower.endsWith('-bin') ? [[`metadata.${lower}`, escaped(value)]] : [];
  });
}

function escaped(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : value.toWellFormed().replaceAll(/[^\x20-\x7e]/gu, encodeURIComponent);
}
