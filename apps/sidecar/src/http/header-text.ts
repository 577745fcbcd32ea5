import { isUtf8 } from 'node:buffer';

// HTTP's headers are bytes, of which Node.js makes characters up to U+00FF; in gRPC's messages and metadata they are Unicode.

/** A header's value as a text: UTF-8 is read as such, other bytes are the characters that Node.js has made of them. */
export function headerText(value: string): string {
  if (!/[\u0080-\u{10ffff}]/u.test(value) || /[\u0100-\u{10ffff}]/u.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : value;
}

/** The other way round: a text as Node.js takes it for a header, which goes out as UTF-8. */
export function headerBytes(text: string): string {
  return /[\u0080-\u{10ffff}]/u.test(text) ? Buffer.from(text).toString('latin1') : text;
}
