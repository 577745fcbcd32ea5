// A trace context as OpenCensus puts it into `grpc-trace-bin`: version 0, then fields with their numbers in front: trace id, span
// id, flags.
const size = 29;

/** A W3C `traceparent` as the value of `grpc-trace-bin`, in base64; `undefined` for one that is none or all zeros. */
export function traceBin(traceparent: string): string | undefined {
  const found = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/.exec(traceparent);
  const [, traceId = '', spanId = '', flags = ''] = found ?? [];
  if (found === null || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return Buffer.from(`0000${traceId}01${spanId}02${flags}`, 'hex').toString('base64').replace(/=+$/, '');
}

/** The other way round; `undefined` for a value that cannot be read. */
export function traceparentOf(traceBinary: string): string | undefined {
  const bytes = Buffer.from(traceBinary, 'base64');
  if (bytes.length < size || bytes[0] !== 0 || bytes[1] !== 0 || bytes[18] !== 1 || bytes[27] !== 2) return undefined;
  const hex = bytes.toString('hex');
  return `00-${hex.slice(4, 36)}-${hex.slice(38, 54)}-${hex.slice(56, 58)}`;
}
