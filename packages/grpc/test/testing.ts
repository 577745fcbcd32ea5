/** What tests of other packages of the workspace use to call a gRPC server; not published. */
export { bytesMethod, serviceOf, testService } from './bytes-service.ts';
export { type Called, metadataOf, serveGrpc } from './called.ts';
export { frame } from '../src/message-frames.ts';
