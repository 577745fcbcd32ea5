import { field } from '@outrigger/core';

/** The metadata fields of a login to AWS; see {@link awsAccess}. */
export const awsFields = {
  region: field.text({
    description: 'AWS region. Default: what the environment or the AWS profile names',
    aliases: ['awsRegion'],
    example: 'us-east-1',
  }),
  endpoint: field.text({
    description: 'URL of a server that stands in for AWS; leave out for AWS itself',
    example: 'http://localhost:4566',
  }),
  accessKey: field.text({
    description:
      'Access key id; with neither `accessKey` nor `secretKey` the credentials come from the environment, the AWS profile, or the role of the machine',
    secret: true,
  }),
  secretKey: field.text({ description: 'Secret that belongs to `accessKey`', secret: true }),
  sessionToken: field.text({ description: 'Session token of temporary credentials', secret: true }),
  assumeRoleArn: field.text({
    description: 'ARN of a role that is taken on with those credentials',
    example: 'arn:aws:iam::123456789012:role/secrets-reader',
  }),
  sessionName: field.text({
    description: 'Name of the session in which the role is taken on',
    default: 'DaprDefaultSession',
  }),
};
