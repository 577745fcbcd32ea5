/** A certificate authority for tests of this and other packages of the workspace; not published. */
export { type IssueOptions, TestAuthority } from './test-authority.ts';
export { type SentryBehaviour, TestSentry } from './test-sentry.ts';
