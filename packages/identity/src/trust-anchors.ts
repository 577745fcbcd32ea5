import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { errorMessage, type Logger } from '@outrigger/core';

/** The roots that are trusted. */
export interface TrustAnchors extends AsyncDisposable {
  /** In PEM, one after the other; another text once they have changed. */
  readonly pem: string;
  /** Told when they have changed. */
  onChange(listener: () => void): void;
}

/** Roots that stay as they are. Throws TypeError when the text holds none. */
export function fixedTrustAnchors(pem: string, where: string): TrustAnchors {
  return { pem: readAnchors(pem, where), onChange: () => {}, [Symbol.asyncDispose]: async () => {} };
}

/**
 * Roots in a file that is followed: while one root replaces another both are in it. What cannot be read is said in the log, and those
 * known before stay. Rejects when there are none to begin with.
 *
 * @param interval milliseconds between two looks at the file
 */
export async function trustAnchorsFile(path: string, logger: Logger, interval = 1000): Promise<TrustAnchors> {
  const where = `the file ${path}`;
  const listeners: (() => void)[] = [];
  let pem = readAnchors(await readFile(path, 'utf8'), where);
  let complaint: string | undefined;
  const reload = async (): Promise<void> => {
    try {
      const now = readAnchors(await readFile(path, 'utf8'), where);
      complaint = undefined;
      if (now === pem) return;
      pem = now;
    } catch (error) {
      const text = errorMessage(error);
      if (text !== complaint) logger.warn(`${text}; the trust anchors stay as they were`);
      complaint = text;
      return;
    }
    logger.info(`the trust anchors in ${path} have changed and are used from now on`);
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        logger.error(`who was to use the changed trust anchors failed: ${errorMessage(error)}`);
      }
    }
  };
  // Read again and again, which no way of replacing a file escapes: often it is behind symbolic links that change.
  let reading = false;
  const look = setInterval(() => {
    if (reading) return;
    reading = true;
    void reload().finally(() => (reading = false));
  }, interval).unref();
  return {
    get pem() {
      return pem;
    },
    onChange: (listener) => void listeners.push(listener),
    [Symbol.asyncDispose]: async () => clearInterval(look),
  };
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates in a text, each in PEM. */
export function certificatesIn(text: string): string[] {
  return text.match(certificatePattern) ?? [];
}

function readAnchors(text: string, where: string): string {
  const certificates = certificatesIn(text);
  if (certificates.length === 0)
    throw new TypeError(`${where} holds no trust anchor: it has to be certificates in PEM`);
  for (const pem of certificates) {
    try {
      if (new X509Certificate(pem).ca) continue;
    } catch (error) {
      throw new TypeError(`${where} holds a certificate that cannot be read: ${errorMessage(error)}`, { cause: error });
    }
    throw new TypeError(`${where} holds a certificate that is no authority's`);
  }
  return `${certificates.join('\n')}\n`;
}
