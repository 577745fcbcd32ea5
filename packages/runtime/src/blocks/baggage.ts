/** The longest `baggage` that W3C asks everybody to take. */
const maxBytes = 8192;

const token = String.raw`[!#$%&'*+.^_\`|~0-9A-Za-z-]+`;
const value = String.raw`[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*`;
const property = String.raw`${token}(?:[ \t]*=[ \t]*${value})?`;
const member = new RegExp(String.raw`^[ \t]*${token}[ \t]*=[ \t]*${value}[ \t]*(?:;[ \t]*${property}[ \t]*)*$`);
const brokenEscape = /%(?![0-9A-Fa-f]{2})/;

/** What is wrong with a `baggage` header (W3C Baggage, 3.3); `undefined`: nothing. */
export function baggageProblem(baggage: string): string | undefined {
  if (baggage.length > maxBytes) return `it is longer than ${maxBytes} bytes`;
  for (const [index, text] of baggage.split(',').entries()) {
    if (!member.test(text)) return `member ${index + 1} is not <name>=<value>`;
    if (brokenEscape.test(text.slice(text.indexOf('=')))) return `member ${index + 1} has a broken percent escape`;
  }
  return undefined;
}
