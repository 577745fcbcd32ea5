export type { CallStatus } from './call-status.ts';
export { endedWith } from './call-status.ts';
export { ClientCall } from './client-call.ts';
export { GrpcClient, type GrpcClientOptions, NotGrpcError } from './grpc-client.ts';
export { defaultHeartbeat, type HeartbeatTimes } from './heartbeat.ts';
export { PeerRefusedError, type PeerTls, type TlsCredentials, type VerifiedPeer } from './tls.ts';
