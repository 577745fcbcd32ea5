/** How long a farewell to the broker may take, in milliseconds. */
export const farewellMs = 3000;

/** Waits for it, but not for long: a broker that is away answers nothing. Never rejects. */
export async function inTime(work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, farewellMs);
  try {
    await Promise.race([work, late.promise]);
  } catch {
    // the channel is closed already
  } finally {
    clearTimeout(timer);
  }
}
