import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { onTestFinished } from 'vitest';

/** HTTP/2's frame types. */
export const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const endStream = 1;
export const endHeaders = 4;

export interface Http2Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Headers as HPACK writes them without its tables and without packing; names and values of less than 127 bytes. */
export function headerBlock(headers: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

export function callHeaders(path: string, more: readonly (readonly [string, string])[] = []): Buffer {
  return headerBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':authority', 'localhost'],
    [':path', path],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ]);
}

/** A client that sends what it is told, right or wrong. Gone when the test ends. */
export class Wire {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  readonly frames: Http2Frame[] = [];
  #rest = Buffer.alloc(0);
  #seen: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('close', () => this.#seen?.());
    onTestFinished(() => void socket.destroy());
  }

  static async connect(port: number): Promise<Wire> {
    const socket = connect(port, '127.0.0.1');
    const wire = new Wire(socket);
    await once(socket, 'connect');
    return wire;
  }

  /** With the preface and settings sent. */
  static async open(port: number): Promise<Wire> {
    const wire = await Wire.connect(port);
    wire.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), http2Frame(frameTypes.settings, 0, 0));
    return wire;
  }

  send(...pieces: readonly Uint8Array[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(pieces));
  }

  /** Resolves to the first frame that fits, past ones included; to `undefined` when the connection ends without. */
  async frame(fits: (frame: Http2Frame) => boolean): Promise<Http2Frame | undefined> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined || this.socket.closed) return found;
      await new Promise<void>((resolve) => (this.#seen = resolve));
    }
  }

  #take(bytes: Buffer): void {
    const all = Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.byteLength - at >= 9) {
      const next = at + 9 + all.readUIntBE(at, 3);
      if (next > all.byteLength) break;
      this.frames.push({
        type: all[at + 3] ?? 0,
        flags: all[at + 4] ?? 0,
        stream: all.readUInt32BE(at + 5),
        payload: all.subarray(at + 9, next),
      });
      at = next;
    }
    this.#rest = all.subarray(at);
    this.#seen?.();
  }
}
