/** Loaded before a program (`node --import`): says with its last line what it has left open. */
process.on('exit', () => {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  process.stdout.write(`left open: ${JSON.stringify(counts)}\n`);
});
