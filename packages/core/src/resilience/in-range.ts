/** `value` when it lies in the range, borders included; else a RangeError that names the option, the value and the range. */
export function inRange(option: string, value: number, least: number, most: number = Infinity): number {
  if (value >= least && value <= most) return value;
  const range = most === Infinity ? `${least} or more` : `from ${least} to ${most}`;
  throw new RangeError(`${option} is ${value}; it must be ${range}`);
}
