/** Kills this process at once, as a power cut does, when it was told to die here; never goes on then. */
export async function dieAt(place) {
  if (process.env.DIE_AT !== place) return;
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => {});
}
