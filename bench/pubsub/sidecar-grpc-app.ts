// The app over gRPC: publishes with unary calls, and receives over streaming subscriptions. Env PUBSUB_TOPIC; the port comes in a message. A lean
// client over node:http2, so that the sidecar is measured and not the app's library. Told what to do over IPC.
import { once } from 'node:events';
import { connect, constants, type IncomingHttpHeaders } from 'node:http2';

import {
  BulkPublishRequest,
  PublishEventRequest,
  SubscribeTopicEventsRequestAlpha1,
  SubscribeTopicEventsResponseAlpha1,
} from '@outrigger/protocol/runtime';

import { Flow, type Parcel } from './flow.ts';
import { serveOrders } from './orders.ts';

const topic = process.env['PUBSUB_TOPIC'] ?? 'bench';
const bulkTopic = `${topic}-bulk`;
const flow = new Flow(Number(process.env['WINDOW'] ?? 2000));
const prefixSize = 5;

process.once('message', (port: number) => void run(port));
process.send?.('waiting');

async function run(port: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1 << 24 } });
  await once(session, 'connect');
  session.setLocalWindowSize(1 << 28);

  const open = (method: string) =>
    session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: `/dapr.proto.runtime.v1.Dapr/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });

  const call = (method: string, message: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      const stream = open(method);
      const status = (headers: IncomingHttpHeaders): void => {
        const code = headers['grpc-status']?.toString();
        if (code === '0') resolve();
        else if (code !== undefined) {
          reject(new Error(`${method} was answered with ${code}: ${headers['grpc-message']?.toString() ?? ''}`));
        }
      };
      stream.on('response', status).on('trailers', status).on('error', reject);
      stream.resume();
      stream.end(framed(message));
    });

  const subscribe = async (name: string): Promise<void> => {
    const stream = open('SubscribeTopicEventsAlpha1');
    stream.on('error', (error) => process.send?.({ error: String(error) }));
    const send = (request: SubscribeTopicEventsRequestAlpha1) =>
      stream.write(framed(SubscribeTopicEventsRequestAlpha1.encode(request).finish()));
    const { promise, resolve } = Promise.withResolvers<void>();
    let rest: Buffer = Buffer.alloc(0);
    stream.on('data', (bytes: Buffer) => {
      rest = rest.byteLength === 0 ? bytes : Buffer.concat([rest, bytes]);
      let at = 0;
      stream.cork();
      for (;;) {
        const end = rest.byteLength - at < prefixSize ? Infinity : at + prefixSize + rest.readUInt32BE(at + 1);
        if (end > rest.byteLength) break;
        const { eventMessage } = SubscribeTopicEventsResponseAlpha1.decode(rest.subarray(at + prefixSize, end));
        at = end;
        if (eventMessage === undefined) {
          resolve();
          continue;
        }
        flow.handled(JSON.parse(Buffer.from(eventMessage.data).toString()) as Parcel);
        send({ eventProcessed: { id: eventMessage.id, status: { status: 0 } } });
      }
      stream.uncork();
      rest = rest.subarray(at);
    });
    send({ initialRequest: { pubsubName: 'pubsub', topic: name, metadata: {}, deadLetterTopic: undefined } });
    await promise;
  };
  await Promise.all([subscribe(topic), subscribe(bulkTopic)]);

  const [dataContentType, metadata] = ['application/json', {}];
  serveOrders(flow, {
    sendOne: ([parcel]) => {
      const data = Buffer.from(JSON.stringify(parcel));
      const request = { pubsubName: 'pubsub', topic, data, dataContentType, metadata };
      return call('PublishEvent', PublishEventRequest.encode(request).finish());
    },
    sendMany: (parcels) => {
      const entries = parcels.map((parcel) => ({
        entryId: String(parcel.id),
        event: Buffer.from(JSON.stringify(parcel)),
        contentType: dataContentType,
        metadata,
      }));
      const request = { pubsubName: 'pubsub', topic: bulkTopic, entries, metadata };
      return call('BulkPublishEvent', BulkPublishRequest.encode(request).finish());
    },
  });
}

function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixSize + message.byteLength);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.byteLength, 1);
  bytes.set(message, prefixSize);
  return bytes;
}
