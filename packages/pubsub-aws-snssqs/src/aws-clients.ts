import type { SNS } from '@aws-sdk/client-sns';
import type { SQS } from '@aws-sdk/client-sqs';
import { type AwsAccess, awsClientOptions, awsError, isMissing } from '@outrigger/aws-client';
import { ComponentError } from '@outrigger/core';

export interface SnsSqsAccess extends AwsAccess {
  /** 12 digits, or `undefined`: asked for when it is needed. */
  readonly accountId: string | undefined;
}

/** Takes a while the first time. */
export function loadSdk() {
  return Promise.all([import('@aws-sdk/client-sns'), import('@aws-sdk/client-sqs')]);
}

/** The SDK's clients of one component; the SDK is loaded with the first of them. */
export class AwsClients implements Disposable {
  readonly sns: SNS;
  readonly sqs: SQS;
  readonly region: string;
  readonly #access: SnsSqsAccess;
  #accountId: Promise<string> | undefined;

  private constructor(sns: SNS, sqs: SQS, region: string, access: SnsSqsAccess) {
    this.sns = sns;
    this.sqs = sqs;
    this.region = region;
    this.#access = access;
  }

  /** Resolves when AWS has answered and taken the credentials; otherwise rejects with what is wrong and how to mend it. */
  static async connect(access: SnsSqsAccess, queueName: string | undefined, signal: AbortSignal): Promise<AwsClients> {
    const [{ SNS }, { SQS }] = await loadSdk();
    const options = awsClientOptions(access);
    // with an endpoint of its own, the host in a queue's URL is what that server calls itself
    const sqs = new SQS(access.endpoint === undefined ? options : { ...options, useQueueUrlAsEndpoint: false });
    const sns = new SNS(options);
    try {
      const region = await sqs.config.region();
      await tryCredentials(sqs, queueName ?? 'outrigger', signal);
      return new AwsClients(sns, sqs, region, access);
    } catch (error) {
      sns.destroy();
      sqs.destroy();
      const doing = access.endpoint === undefined ? 'connecting to AWS' : `connecting to ${access.endpoint}`;
      if (!signal.aborted) throw awsError(error, doing);
      throw new ComponentError('unavailable', `${doing} has no answer yet; check endpoint and region`, {
        cause: error,
      });
    }
  }

  /** The account that the credentials belong to. */
  accountId(signal: AbortSignal): Promise<string> {
    if (this.#access.accountId !== undefined) return Promise.resolve(this.#access.accountId);
    this.#accountId ??= this.#askForAccount(signal).catch((error: unknown) => {
      this.#accountId = undefined;
      throw awsError(error, 'looking up the AWS account (which accountID saves)');
    });
    return this.#accountId;
  }

  async #askForAccount(signal: AbortSignal): Promise<string> {
    const { STS } = await import('@aws-sdk/client-sts');
    const sts = new STS(awsClientOptions(this.#access));
    try {
      const { Account } = await sts.getCallerIdentity({}, { abortSignal: signal });
      return Account ?? '';
    } finally {
      sts.destroy();
    }
  }

  [Symbol.dispose](): void {
    this.sns.destroy();
    this.sqs.destroy();
  }
}

// Any answer but a refusal of the credentials shows that they are good: the queue need not exist, the right to ask may be missing.
async function tryCredentials(sqs: SQS, queueName: string, signal: AbortSignal): Promise<void> {
  try {
    await sqs.getQueueUrl({ QueueName: queueName }, { abortSignal: signal });
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (!isMissing(error) && !name.includes('AccessDenied')) throw error;
  }
}
