// The yardstick: what grpc-js does when it only reads the request and answers the same message, with the same codec.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { DaprDefinition, type GetStateRequest, type GetStateResponse } from '@outrigger/protocol/runtime';

const { requestType, responseType } = DaprDefinition.methods.getState;
const answer: GetStateResponse = {
  data: Buffer.from(process.env['BENCH_VALUE'] ?? ''),
  etag: process.env['BENCH_ETAG'] ?? '',
  metadata: {},
};
const server = new Server();
server.addService(
  {
    GetState: {
      path: `/${DaprDefinition.fullName}/GetState`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (message: GetStateRequest) => Buffer.from(requestType.encode(message).finish()),
      requestDeserialize: (bytes: Buffer) => requestType.decode(bytes),
      responseSerialize: (message: GetStateResponse) => Buffer.from(responseType.encode(message).finish()),
      responseDeserialize: (bytes: Buffer) => responseType.decode(bytes),
    },
  },
  { GetState: (_call: unknown, answered: (error: null, message: GetStateResponse) => void) => answered(null, answer) },
);
server.bindAsync(`127.0.0.1:${process.env['PORT']}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  console.log('listening');
});
