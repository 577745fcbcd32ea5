import { SignCertificateRequest_TokenValidator } from '@outrigger/protocol/sentry';

import { defaultTrustDomain, type Validator } from './validator.ts';

/** Takes everybody at their word: for a laptop, where whoever reaches the loopback port may have any identity. */
export const insecureValidator: Validator = {
  kind: SignCertificateRequest_TokenValidator.INSECURE,
  validate: async ({ trustDomain }) => ({ trustDomain: trustDomain || defaultTrustDomain }),
};
