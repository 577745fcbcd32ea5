import { unwatchFile, watchFile } from 'node:fs';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { errorMessage, type Logger } from '@outrigger/core';
import { SpiffeId } from '@outrigger/identity/spiffe-id';

import { AuthorityFiles, authorityIn, rotateRoot } from '../authority/authority-files.ts';
import { type AuthorityPem, generateAuthority } from '../authority/authority-keys.ts';
import { Sentry } from '../sentry.ts';
import { insecureValidator } from '../validators/insecure.ts';
import type { Validator } from '../validators/validator.ts';
import { configFile, type Flags, parseFlags, usage } from './flags.ts';
import { processLog } from './log.ts';
import { readMtlsSection } from './mtls-section.ts';
import { oneLine } from './one-line.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds between two looks at the folder of credentials. */
const watchInterval = 2000;

/**
 * The whole life of the process; resolves to its exit code: 0 after an orderly stop, 1 when it could not start, which is told in a line
 * on standard error, with its stack where the environment has `OUTRIGGER_DEBUG`. `stop` ends it; default: SIGINT or SIGTERM.
 */
export async function run(args: readonly string[], env: Environment, stop?: AbortSignal): Promise<number> {
  // what is written in a crash holds the environment, and that may hold secrets
  if (process.report !== undefined) process.report.excludeEnv = true;
  try {
    const config = configFile(args);
    const flags = parseFlags(args, env, config === undefined ? {} : await readMtlsSection(config, env));
    if (flags.help) process.stdout.write(usage());
    else if (flags.version) process.stdout.write(`${version()}\n`);
    else if (flags.command === 'rotate-root') await rotate(flags);
    else await serve(flags, env, stop ?? stopOfUser());
    return 0;
  } catch (error) {
    process.stderr.write(`outrigger-sentry: ${inWords(error)}\n`);
    if (env['OUTRIGGER_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return 1;
  }
}

/** In one line, but for a Configuration with several mistakes, which has one for each. */
function inWords(error: unknown): string {
  const message = errorMessage(error);
  const isList = error instanceof Error && error.name === 'ResourceError';
  return isList ? message.replaceAll(/[^\n]+/g, oneLine) : oneLine(message);
}

function stopOfUser(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  }
  return stop.signal;
}

async function rotate({ issuerCredentials = '', issuerFileNames, trustDomain, anchorsLead }: Flags): Promise<void> {
  const files = new AuthorityFiles(issuerCredentials, issuerFileNames);
  const commit = await rotateRoot(files, trustDomain);
  process.stdout.write(
    `${files.trustAnchors} has a new root now, before the old ones, which stay trusted.\n` +
      `Sidecars that follow the file know it within a second; those with a copy need it now. In ${anchorsLead / 1000} s its issuer takes over …\n`,
  );
  await sleep(anchorsLead);
  await commit();
  process.stdout.write(
    'done: a running authority signs with the new issuer within seconds. When every certificate under the old root has expired, take\n' +
      'that root out of the file.\n',
  );
}

async function serve(flags: Flags, env: Environment, stop: AbortSignal): Promise<void> {
  const logger = processLog(flags.logLevel);
  const { trustDomain, controlPlaneNamespace: namespace } = flags;
  const identity = { trustDomain, namespace, appId: 'dapr-sentry' };
  const { issuerCredentials: folder, issuerFileNames: names } = flags;
  const files = folder === undefined ? undefined : new AuthorityFiles(folder, names);
  const credentials =
    files === undefined ? await generateAuthority(trustDomain) : await authorityIn(files, trustDomain);
  const sentry = await Sentry.start({
    credentials,
    validators: await validatorsOf(flags, SpiffeId.ofApp(identity).toString(), env, logger),
    identity,
    host: flags.listenAddress,
    port: flags.port,
    ...(flags.healthPort !== undefined && { healthPort: flags.healthPort }),
    workloadTtl: flags.workloadTtl,
    allowedClockSkew: flags.allowedClockSkew,
    logger,
  });
  try {
    sayWhere(sentry, files, credentials, logger);
    if (flags.validators.includes('insecure')) {
      logger.warn(
        'the insecure validator takes every caller at its word: for a laptop, or where nobody else reaches the port',
      );
    }
    await using _ = follow(sentry, files, logger);
    if (!stop.aborted) await once(stop, 'abort');
    logger.info('stopping');
  } finally {
    await sentry[Symbol.asyncDispose]();
  }
}

function sayWhere(sentry: Sentry, files: AuthorityFiles | undefined, credentials: AuthorityPem, logger: Logger): void {
  logger.info(`certificates are given out on ${sentry.address}`);
  if (sentry.healthAddress !== undefined) logger.info(`health is told on http://${sentry.healthAddress}/healthz`);
  if (files !== undefined) {
    logger.info(
      `start sidecars with --enable-mtls --sentry-address ${sentry.address} and DAPR_TRUST_ANCHORS_FILE=${files.trustAnchors}`,
    );
    return;
  }
  logger.warn('the root is in memory only and gone with this process; keep it with --issuer-credentials FOLDER');
  process.stdout.write(`export DAPR_TRUST_ANCHORS='${credentials.trustAnchors.trim()}'\n`);
}

async function validatorsOf(flags: Flags, audience: string, env: Environment, logger: Logger): Promise<Validator[]> {
  return Promise.all(
    flags.validators.map(async (name): Promise<Validator> => {
      if (name === 'insecure') return insecureValidator;
      if (name === 'jwks') {
        const { JwksValidator } = await import('../validators/jwks.ts');
        return JwksValidator.open({ source: '', ...flags.jwks, audience, logger });
      }
      const { KubernetesValidator, inClusterOptions } = await import('../validators/kubernetes.ts');
      const { workloadTrustDomain: trustDomain } = flags;
      const controlPlane = { trustDomain: flags.trustDomain, namespace: flags.controlPlaneNamespace };
      const audiences = [audience, 'dapr.io/sentry'];
      return new KubernetesValidator({ ...(await inClusterOptions(env)), audiences, trustDomain, controlPlane });
    }),
  );
}

/** Takes new credentials when the files change, or when told to by SIGHUP. Disposal waits for what is being taken. */
function follow(sentry: Sentry, files: AuthorityFiles | undefined, logger: Logger): AsyncDisposable {
  if (files === undefined) return { [Symbol.asyncDispose]: async () => {} };
  let last: string | undefined;
  const reload = async (): Promise<void> => {
    try {
      const credentials = await files.read();
      const text = JSON.stringify(credentials);
      if (credentials === undefined || text === last) return;
      await sentry.replace(credentials);
      if (last !== undefined) logger.info(`the credentials in ${files.folder} are new and in use`);
      last = text;
    } catch (error) {
      logger.error(`the credentials in ${files.folder} cannot be used, the old ones still are: ${errorMessage(error)}`);
    }
  };
  // one at a time, in order
  let reloading = reload();
  const onChange = (): void => void (reloading = reloading.then(reload));
  const { issuerChain } = files;
  watchFile(issuerChain, { interval: watchInterval, persistent: false }, onChange);
  process.on('SIGHUP', onChange);
  return {
    [Symbol.asyncDispose]: async () => {
      unwatchFile(issuerChain, onChange);
      process.off('SIGHUP', onChange);
      await reloading;
    },
  };
}

function version(): string {
  const manifest = createRequire(import.meta.url)('@outrigger/sentry/package.json') as { version: string };
  return manifest.version;
}
