import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const reasons: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Answers what is no HTTP request, or one that came too slowly or with too long headers, and closes the connection. */
export function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  // Into the middle of an answer nothing else may be written.
  const answer = (socket as Socket & { readonly _httpMessage?: ServerResponse | null })._httpMessage;
  if (!socket.writable || error.code === 'ECONNRESET' || answer?.headersSent) {
    socket.destroy();
    return;
  }
  const status = reasons[error.code ?? ''] ?? '400 Bad Request';
  const head = `HTTP/1.1 ${status}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n`;
  socket.end(`${head}content-length: ${status.length}\r\n\r\n${status}`, () => socket.destroy());
}
