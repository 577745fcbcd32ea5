/** A CloudEvents 1.0 envelope in its JSON form; `data` or `data_base64` beside the attributes. */
export type CloudEvent = Readonly<Record<string, unknown>>;
