import { ApiError, type ConfigurationHandle } from '@outrigger/runtime';

/** Ends a subscription; a failure is an answer, not an error. `message` is empty when all went well. */
export async function unsubscribe(
  store: () => ConfigurationHandle,
  id: string,
): Promise<{ readonly ok: boolean; readonly message: string }> {
  try {
    await store().unsubscribe(id);
    return { ok: true, message: '' };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { ok: false, message: error.message };
  }
}
