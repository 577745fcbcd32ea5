import { type Envelope, header, readNamedValues, readSpec, readValueSource } from './envelope.ts';
import type { FieldReader } from './field-reader.ts';
import type { NamedValue, Resource, ValueSource } from './resource.ts';

const renegotiations = ['RenegotiateNever', 'RenegotiateOnceAsClient', 'RenegotiateFreelyAsClient'] as const;

type TlsRenegotiation = (typeof renegotiations)[number];

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

export function readHttpEndpoint(envelope: Envelope): HttpEndpointResource | undefined {
  return readSpec(envelope, (spec) => {
    const clientTls = spec.object('clientTLS');
    const tls = clientTls && tlsOf(clientTls);
    return {
      ...header(envelope),
      baseUrl: baseUrlOf(spec),
      headers: readNamedValues(spec, 'headers'),
      ...(tls && { clientTls: tls }),
      secretStore: envelope.secretStore,
    };
  });
}

function baseUrlOf(spec: FieldReader): string {
  const text = spec.requiredText('baseUrl');
  if (text !== '' && !/^https?:$/.test(URL.parse(text)?.protocol ?? '')) {
    spec.error('spec.baseUrl must be a URL that begins with http:// or https://', [...spec.path, 'baseUrl']);
  }
  return text;
}

function tlsOf(reader: FieldReader): NonNullable<HttpEndpointResource['clientTls']> {
  const [rootCA, certificate, privateKey] = ['rootCA', 'certificate', 'privateKey'].map((name) => {
    const part = reader.object(name);
    const source = part && readValueSource(part);
    part?.done();
    return source;
  });
  const renegotiation = reader.oneOf('renegotiation', renegotiations);
  if ((certificate === undefined) !== (privateKey === undefined)) {
    reader.error('spec.clientTLS needs certificate and privateKey together, or neither');
  }
  reader.done();
  return {
    ...(rootCA && { rootCA }),
    ...(certificate && { certificate }),
    ...(privateKey && { privateKey }),
    ...(renegotiation && { renegotiation }),
  };
}
