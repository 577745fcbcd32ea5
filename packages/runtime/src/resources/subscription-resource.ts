import { type SubscriptionSpec } from '../app-channel/app-channel.ts';
import { type Resource } from './resource.ts';

/** `kind: Subscription`, v1alpha1 or v2alpha1, validated. */
export interface SubscriptionResource extends Resource {
  readonly spec: SubscriptionSpec;
}
