/** `ErrorInfo.reason` of an error whose metadata is a BindingError's. */
export const bindingReason = 'OUTRIGGER_BINDING_ERROR';
