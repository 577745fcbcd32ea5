import type { IncomingMessage } from 'node:http';

/**
 * The first value of a header, `name` in lower case. Reads the list that the parser made: for one or two headers that is
 * cheaper than having Node build its object of all of them.
 */
export function headerOf(request: IncomingMessage, name: string): string | undefined {
  const headers = request.rawHeaders;
  for (let index = 0; index < headers.length; index += 2) {
    const candidate = headers[index];
    if (
      candidate !== undefined &&
      candidate.length === name.length &&
      (candidate === name || candidate.toLowerCase() === name)
    ) {
      return headers[index + 1];
    }
  }
  return undefined;
}

/**
 * Puts a header in place of what a request has under that name. Only {@link headerOf}, and who reads the parser's list, will see it:
 * Node's object of all headers is not made for that. `name` in lower case; an empty value takes the header out.
 */
export function replaceRawHeader({ rawHeaders }: IncomingMessage, name: string, value: string): void {
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
    const candidate = rawHeaders[index];
    if (candidate?.length === name.length && candidate.toLowerCase() === name) rawHeaders.splice(index, 2);
  }
  if (value !== '') rawHeaders.push(name, value);
}

/** Takes a header out of a request, so that nothing behind can see or forward it. `name` in lower case. */
export function removeHeader(request: IncomingMessage, name: string): void {
  const headers = request.rawHeaders;
  for (let index = headers.length - 2; index >= 0; index -= 2) {
    if (headers[index]?.toLowerCase() === name) headers.splice(index, 2);
  }
  delete request.headers[name];
}
