export { type AwsAccess, awsAccess, awsClientOptions, type AwsLogin } from './access.ts';
export { awsError, isMissing } from './aws-error.ts';
export { awsFields } from './fields.ts';
