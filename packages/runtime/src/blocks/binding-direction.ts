import { propertyOf } from '../components/component-instance.ts';

export interface BindingDirection {
  readonly input: boolean;
  readonly output: boolean;
  /** The resource says that the app takes the events: it need not be asked. */
  readonly inputIsCertain: boolean;
}

/** What the metadata field `direction` of a binding (`input`, `output` or both, with a comma) makes of it; without one: both. */
export function directionOf(properties: Readonly<Record<string, string>>): BindingDirection {
  const text = propertyOf(properties, 'direction');
  if (text === undefined) return { input: true, output: true, inputIsCertain: false };
  const words = text.split(',').map((word) => word.trim().toLowerCase());
  const input = words.includes('input');
  return { input, output: words.includes('output'), inputIsCertain: input };
}
