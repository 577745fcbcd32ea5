/**
 * What `create` writes, as Dapr does it: a JSON text without its quotes, and then base64 as the bytes it stands for. Everything
 * else as it came. A plain text that happens to be base64 (`test`) is decoded too.
 */
export function fileContent(data: Uint8Array): Uint8Array {
  const content = unquoted(data);
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
  const compact = text.replaceAll(/[\r\n]/g, '');
  const isBase64 = compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact);
  return isBase64 ? Buffer.from(compact, 'base64') : content;
}

const quote = 0x22;

function unquoted(data: Uint8Array): Uint8Array {
  if (data.byteLength < 2 || data[0] !== quote || data.at(-1) !== quote) return data;
  try {
    return Buffer.from(JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString()) as string);
  } catch {
    return data;
  }
}
