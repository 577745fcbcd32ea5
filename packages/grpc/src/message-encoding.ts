import { MessageTooLongError } from './message-too-long.ts';
import { GrpcError } from './service.ts';

/** What `grpc-accept-encoding` says. */
export const acceptedEncodings = 'identity,deflate,gzip';

/** How a caller may have compressed its messages. */
export type MessageEncoding = 'gzip' | 'deflate';

/** `grpc-encoding`: `undefined` when messages are not compressed. Throws UNIMPLEMENTED for one that nobody here reads. */
export function messageEncoding(name: string | undefined): MessageEncoding | undefined {
  if (name === undefined || name === 'identity') return undefined;
  if (name === 'gzip' || name === 'deflate') return name;
  throw new GrpcError('UNIMPLEMENTED', `grpc: Decompressor is not installed for grpc-encoding "${name}"`);
}

/**
 * The message that was compressed. Rejects with RESOURCE_EXHAUSTED as soon as it is longer than `maxSize` bytes, with INTERNAL
 * when it cannot be read.
 */
export async function decompress(message: Buffer, encoding: MessageEncoding, maxSize: number): Promise<Buffer> {
  const { gunzip, inflate } = await import('node:zlib');
  const options = Number.isFinite(maxSize) ? { maxOutputLength: Math.max(1, maxSize) } : {};
  return new Promise((resolve, reject) => {
    (encoding === 'gzip' ? gunzip : inflate)(message, options, (error, plain) => {
      if (error === null) resolve(plain);
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        reject(new MessageTooLongError(`grpc: received message after decompression larger than max ${maxSize}`));
      } else reject(new GrpcError('INTERNAL', `grpc: failed to decompress the received message: ${error.message}`));
    });
  });
}
