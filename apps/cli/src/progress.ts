/** How long something may take before a person wonders. */
const silenceMs = 1000;

/**
 * Resolves or rejects as `work` does. When that takes over a second, says meanwhile on `stream` what is being waited for and for how
 * long; only for people, so nothing where it is no terminal.
 */
export async function withProgress<T>(
  what: string,
  work: Promise<T>,
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): Promise<T> {
  if (!stream.isTTY) return work;
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += 1;
    stream.write(`${clearLine}${what} … ${seconds} s`);
  }, silenceMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (seconds > 0) stream.write(clearLine);
  }
}

const clearLine = '\r\u001B[K';
