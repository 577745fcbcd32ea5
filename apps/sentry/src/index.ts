export { AuthorityFiles, authorityIn, rotateRoot } from './authority/authority-files.ts';
export { type AuthorityPem, generateAuthority } from './authority/authority-keys.ts';
export { Sentry, type SentryOptions } from './sentry.ts';
export { insecureValidator } from './validators/insecure.ts';
export { type JwksOptions, JwksValidator } from './validators/jwks.ts';
export { type KubernetesOptions, KubernetesValidator } from './validators/kubernetes.ts';
export { RefusedTokenError, type Validator } from './validators/validator.ts';
