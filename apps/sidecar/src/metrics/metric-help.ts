/** What the metrics tell, as `# HELP` says it. One that is missing here says its name. */
export const metricHelp: Readonly<Record<string, string>> = {
  dapr_resiliency_loaded: 'Resiliency resources loaded.',
  dapr_resiliency_count: 'Calls to which a resiliency policy applied.',
  dapr_resiliency_activations_total:
    'Times a resiliency policy stepped in: an attempt that was repeated or ran out of time, a circuit breaker that changed its state.',
  dapr_resiliency_cb_state: 'State of circuit breakers: 1 for the state named by the label status, 0 for the others.',
};
