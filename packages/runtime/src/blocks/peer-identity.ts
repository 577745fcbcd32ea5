/**
 * Who a peer is, as its X.509 SVID says: `spiffe://<trustDomain>/ns/<namespace>/<appId>`. Comes from the verified certificate of its
 * connection, never from what it sends.
 */
export interface PeerIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly appId: string;
}
