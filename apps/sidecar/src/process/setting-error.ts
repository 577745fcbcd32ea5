/** A setting that cannot be used; the message says what would be right. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}
