/** Reads up to `limit` bytes (0: all) and cancels the rest. */
export async function readLimited(
  body: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<{ readonly data: Buffer; readonly isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    const room = limit > 0 ? limit - size : Infinity;
    if (chunk.byteLength > room) {
      chunks.push(chunk.subarray(0, room));
      return { data: Buffer.concat(chunks), isWhole: false };
    }
    chunks.push(chunk);
    size += chunk.byteLength;
  }
  return { data: Buffer.concat(chunks, size), isWhole: true };
}
