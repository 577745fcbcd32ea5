const maxLength = 80;
const fifoSuffix = '.fifo';

/**
 * A topic or consumer id as the name of an SNS topic or SQS queue, as Dapr forms it: letters, digits, `-` and `_` of it, at
 * most 80; for FIFO with the suffix `.fifo` within the 80.
 */
export function awsName(name: string, fifo: boolean): string {
  const stem = fifo && name.endsWith(fifoSuffix) ? name.slice(0, -fifoSuffix.length) : name;
  const allowed = stem.replaceAll(/[^A-Za-z0-9_-]/g, '');
  return fifo ? allowed.slice(0, maxLength - fifoSuffix.length) + fifoSuffix : allowed.slice(0, maxLength);
}

/** What is left of a name when AWS would take none of its characters. */
export function isEmptyName(awsName: string): boolean {
  return awsName === '' || awsName === fifoSuffix;
}

/** The name at the end of an ARN. */
export function nameOfArn(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}

export function topicArn(region: string, accountId: string, name: string): string {
  return `arn:${partitionOf(region)}:sns:${region}:${accountId}:${name}`;
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  if (region.startsWith('us-isob-')) return 'aws-iso-b';
  if (region.startsWith('us-iso-')) return 'aws-iso';
  return 'aws';
}
