const qualities = [
  'amber',
  'brisk',
  'calm',
  'coral',
  'deep',
  'eager',
  'fair',
  'gentle',
  'lively',
  'lunar',
  'mellow',
  'nimble',
  'quiet',
  'rapid',
  'steady',
  'sunny',
  'swift',
  'tidal',
  'vivid',
  'windward',
] as const;
const things = [
  'atoll',
  'bay',
  'beacon',
  'buoy',
  'canoe',
  'cove',
  'current',
  'harbor',
  'keel',
  'lagoon',
  'mast',
  'oar',
  'pier',
  'reef',
  'sail',
  'shore',
  'skiff',
  'tern',
  'tide',
  'wake',
] as const;

/** An app id for who gives none. */
export function randomAppId(random: () => number = Math.random): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? '';
  return `${pick(qualities)}-${pick(things)}-${Math.floor(random() * 900 + 100)}`;
}
