/** What the metrics tell, as `# HELP` says it. One that is missing here says its name. */
export const metricHelp: Readonly<Record<string, string>> = {
  dapr_resiliency_loaded: 'Resiliency resources loaded.',
  dapr_resiliency_count: 'Calls to which a resiliency policy applied.',
  dapr_resiliency_activations_total:
    'Times a resiliency policy stepped in: an attempt that was repeated or ran out of time, a circuit breaker that changed its state.',
  dapr_resiliency_cb_state: 'State of circuit breakers: 1 for the state named by the label status, 0 for the others.',
  dapr_runtime_acl_app_policy_action_allowed_total: "Calls of peers that the caller's own access policy allowed.",
  dapr_runtime_acl_app_policy_action_blocked_total: "Calls of peers that the caller's own access policy refused.",
  dapr_runtime_acl_global_policy_action_allowed_total: 'Calls of peers that the default of access control allowed.',
  dapr_runtime_acl_global_policy_action_blocked_total: 'Calls of peers that the default of access control refused.',
  dapr_runtime_mtls_init_total: 'First certificates obtained.',
  dapr_runtime_mtls_init_fail_total: 'First certificates that were not obtained.',
  dapr_runtime_mtls_workload_cert_rotated_total: 'Certificates renewed.',
  dapr_runtime_mtls_workload_cert_rotated_fail_total: 'Certificates that could not be renewed.',
};
