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

/** Puts a header into a request in place of what it has under that name. `name` in lower case. */
export function setHeader(request: IncomingMessage, name: string, value: string): void {
  removeHeader(request, name);
  request.rawHeaders.push(name, value);
  request.headers[name] = value;
}

/** Takes a header out of a request, so that nothing behind can see or forward it. `name` in lower case. */
export function removeHeader(request: IncomingMessage, name: string): void {
  const headers = request.rawHeaders;
  for (let index = headers.length - 2; index >= 0; index -= 2) {
    if (headers[index]?.toLowerCase() === name) headers.splice(index, 2);
  }
  delete request.headers[name];
}
