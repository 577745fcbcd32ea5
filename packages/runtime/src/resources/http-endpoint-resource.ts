import { type NamedValue, type Resource, type ValueSource } from './resource.ts';

export type TlsRenegotiation = 'RenegotiateNever' | 'RenegotiateOnceAsClient' | 'RenegotiateFreelyAsClient';

/** `kind: HTTPEndpoint`, validated; its values are not resolved yet. */
export interface HttpEndpointResource extends Resource {
  readonly baseUrl: string;
  readonly headers: readonly NamedValue[];
  readonly clientTls?: {
    readonly rootCA?: ValueSource;
    readonly certificate?: ValueSource;
    readonly privateKey?: ValueSource;
    readonly renegotiation?: TlsRenegotiation;
  };
  readonly secretStore: string;
}

/** An HTTPEndpoint ready for use: secrets are in. Holds secrets, so it is never logged. */
export interface HttpEndpoint {
  readonly name: string;
  readonly baseUrl: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** PEM texts. */
  readonly clientTls?: {
    readonly rootCA?: string;
    readonly certificate?: string;
    readonly privateKey?: string;
    readonly renegotiation?: TlsRenegotiation;
  };
}
