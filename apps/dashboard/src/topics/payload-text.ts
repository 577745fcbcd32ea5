const decoder = new TextDecoder('utf-8', { fatal: true });

/** Bytes as the page shows them: as text, or in base64 where they are none. */
export function textOf(bytes: Uint8Array): { readonly text: string; readonly base64?: true } {
  try {
    return { text: decoder.decode(bytes) };
  } catch {
    return { text: Buffer.from(bytes).toString('base64'), base64: true };
  }
}
