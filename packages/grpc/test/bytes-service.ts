import type { MethodDescription, Service, ServiceMethod } from '../src/service.ts';

/** Messages that are what they are. */
const bytes = {
  encode: (message: Buffer) => ({ finish: () => message }),
  decode: (message: Uint8Array) => {
    if (message.byteLength === 3 && message[0] === 0xff) throw new Error('these bytes are no message');
    return Buffer.from(message);
  },
};

/** A method of messages that are bytes. `0xff` and two more cannot be decoded. */
export function bytesMethod(name: string, streams?: 'in' | 'out' | 'both'): MethodDescription<Buffer, Buffer> {
  return {
    name,
    requestType: bytes,
    requestStream: streams === 'in' || streams === 'both',
    responseType: bytes,
    responseStream: streams === 'out' || streams === 'both',
  };
}

export const testService = 'test.Bytes';

export function serviceOf(...methods: ServiceMethod[]): Service {
  return { name: testService, methods };
}
