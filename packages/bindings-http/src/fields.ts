import { field, type MetadataOf } from '@outrigger/core';

const size = field.byteSize({
  description: 'How much of an answer is read; the rest is left out, with a warning in the log. 0 or less: all of it',
  default: 100 * 2 ** 20,
  example: '100Mi',
});

export const fields = {
  url: field.text({
    description: 'Base URL; the request metadata `path` is appended to it',
    required: true,
    example: 'http://host:port/path',
  }),
  responseTimeout: field.duration({
    description: 'How long a call may take; without it, only a Resiliency policy limits it',
    example: '10s',
  }),
  maxResponseBodySize: { ...size, parse: (text: string) => (text.trim().startsWith('-') ? 0 : size.parse(text)) },
  MTLSRootCA: field.text({
    description: 'Certificate of the authority that has signed the server’s: PEM text, or the path of a file',
    secret: true,
  }),
  MTLSClientCert: field.text({
    description: 'Client certificate: PEM text, or the path of a file; needs `MTLSClientKey`',
    secret: true,
  }),
  MTLSClientKey: field.text({ description: 'Client key: PEM text, or the path of a file', secret: true }),
  MTLSRenegotiation: field.oneOf(['RenegotiateNever', 'RenegotiateOnceAsClient', 'RenegotiateFreelyAsClient'], {
    description: 'Whether a TLS 1.2 server may ask to renegotiate; once and freely are the same here',
  }),
  securityToken: field.text({
    description: 'Sent in the header `securityTokenHeader` with every call to the server of `url`',
    secret: true,
  }),
  securityTokenHeader: field.text({
    description: 'Name of the header for `securityToken`',
    example: 'X-Security-Token',
  }),
  errorIfNot2XX: field.flag({
    description: 'Whether an answer other than 2xx is an error; the request metadata of this name wins',
    default: true,
  }),
};

export type HttpMetadata = MetadataOf<typeof fields>;
