// Calls one gRPC method over and over, so many calls at a time on one connection, and prints what came of it as JSON. Writes HTTP/2
// frames by itself: it has to be far faster than what it measures.
import { connect } from 'node:net';

interface Order {
  readonly port: number;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** In base64, as all messages here. */
  readonly request: string;
  /** What each answer has to be. */
  readonly answer: string;
  readonly concurrency: number;
  readonly seconds: number;
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
const frameHead = 9;
const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 };
const endStream = 1;
const endHeaders = 4;
const ack = 1;

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(frameHead + payload.byteLength);
  bytes.writeUIntBE(payload.byteLength, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, frameHead);
  return bytes;
}

/** A string as HPACK writes it, unpacked; of less than 127 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
}

/** A header that goes into the table of the connection: its name from the static table, or as it is. */
function indexed(name: number | string, value: string): Buffer {
  const head = typeof name === 'number' ? Buffer.from([0x40 | name]) : Buffer.concat([Buffer.from([0x40]), text(name)]);
  return Buffer.concat([head, text(value)]);
}

const postHttp = Buffer.from([0x83, 0x86]);
const firstHeaders = Buffer.concat([
  postHttp,
  indexed(4, order.path),
  indexed(1, 'localhost'),
  indexed(31, 'application/grpc'),
  indexed(58, 'grpc-load'),
  indexed('te', 'trailers'),
]);
/** The same for all later calls: as places in that table. */
const headers = Buffer.concat([postHttp, Buffer.from([66, 65, 64, 63, 62].map((place) => 0x80 | place))]);

function message(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64');
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([prefix, bytes]);
}

const body = message(order.request);
const expected = message(order.answer);
const call = Buffer.concat([frame(types.headers, endHeaders, 0, headers), frame(types.data, endStream, 0, body)]);
const dataAt = frameHead + headers.byteLength;

const socket = connect({ port: order.port, host: '127.0.0.1', noDelay: true });
const began = new Map<number, number>();
const answered = new Set<number>();
const latencies: number[] = [];
let nextStream = 1;
let failures = 0;
let received = 0;
let out: Buffer[] = [];
let rest: Buffer | undefined;
let end = Infinity;

function begin(): void {
  const stream = nextStream;
  nextStream += 2;
  began.set(stream, performance.now());
  if (stream === 1) {
    out.push(frame(types.headers, endHeaders, 1, firstHeaders), frame(types.data, endStream, 1, body));
    return;
  }
  const bytes = Buffer.from(call);
  bytes.writeUInt32BE(stream, 5);
  bytes.writeUInt32BE(stream, dataAt + 5);
  out.push(bytes);
}

function finished(stream: number): void {
  const start = began.get(stream);
  if (start === undefined) return;
  began.delete(stream);
  if (!answered.delete(stream)) failures++;
  const now = performance.now();
  latencies.push(now - start);
  if (now < end) begin();
  else if (began.size === 0) report(now);
}

function take(type: number, flags: number, stream: number, payload: Buffer): void {
  if (type === types.data) {
    received += payload.byteLength;
    if (payload.equals(expected)) answered.add(stream);
  }
  if ((type === types.data || type === types.headers) && flags & endStream) finished(stream);
  else if (type === types.reset) finished(stream);
  else if (type === types.settings && !(flags & ack)) out.push(frame(types.settings, ack, 0, Buffer.alloc(0)));
  else if (type === types.ping && !(flags & ack)) out.push(frame(types.ping, ack, 0, payload));
  else if (type === types.goaway) throw new Error(`the server hung up: ${payload.toString('latin1')}`);
}

function window(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(types.windowUpdate, 0, 0, payload);
}

function flush(): void {
  if (received > 1 << 29) {
    out.push(window(received));
    received = 0;
  }
  if (out.length > 0) socket.write(Buffer.concat(out));
  out = [];
}

let start = 0;

function report(now: number): void {
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  const requestsPerSecond = latencies.length / ((now - start) / 1000);
  console.log(
    JSON.stringify({ requests: latencies.length, requestsPerSecond, p50Ms: at(0.5), p99Ms: at(0.99), failures }),
  );
  socket.destroy();
}

socket.on('data', (bytes) => {
  const all = rest === undefined ? bytes : Buffer.concat([rest, bytes]);
  let at = 0;
  while (all.byteLength - at >= frameHead) {
    const length = all.readUIntBE(at, 3);
    const next = at + frameHead + length;
    if (next > all.byteLength) break;
    take(all[at + 3] ?? 0, all[at + 4] ?? 0, all.readUInt32BE(at + 5), all.subarray(at + frameHead, next));
    at = next;
  }
  rest = at === all.byteLength ? undefined : all.subarray(at);
  flush();
});
socket.on('connect', () => {
  out.push(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(types.settings, 0, 0, Buffer.alloc(0)));
  out.push(window(2 ** 31 - 1 - 65_535));
  start = performance.now();
  end = start + order.seconds * 1000;
  for (let call = 0; call < order.concurrency; call++) begin();
  flush();
});
