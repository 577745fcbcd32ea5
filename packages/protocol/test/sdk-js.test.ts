import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, it } from 'vitest';

import { encodedDescriptors } from '../src/descriptors.ts';
import { wireFacts } from './facts.ts';

const buf = fileURLToPath(new URL('../../../node_modules/.bin/buf', import.meta.url));
const sdk = dirname(fileURLToPath(import.meta.resolve('@dapr/dapr')));

/** Where the SDK, made before Dapr 1.18, says something else; with what changed since. */
const changed: Readonly<Record<string, string | undefined>> = {
  // taken out of the protocol; their numbers are reserved
  'dapr.proto.operator.v1.ListComponentsRequest.podName': undefined,
  'dapr.proto.operator.v1.ComponentUpdateRequest.podName': undefined,
  'dapr.proto.operator.v1.GetConfigurationRequest.podName': undefined,
  'dapr.proto.operator.v1.SubscriptionUpdateRequest.podName': undefined,
  'dapr.proto.operator.v1.ListSubscriptionsRequest.podName': undefined,
  'dapr.proto.operator.v1.HTTPEndpointUpdateRequest.pod_name': undefined,
  // "optional" on a message, which makes no difference on the wire
  'dapr.proto.runtime.v1.Job.data': '6: optional google.protobuf.Any, tells absence, data',
};

/** What Dapr 1.18 has, but not the SDK, in the packages that the SDK carries. What is inside of it is not named again. */
const added: readonly string[] = [
  'dapr.proto.operator.v1.ConfigurationUpdateEvent',
  'dapr.proto.operator.v1.ConfigurationUpdateRequest',
  'dapr.proto.operator.v1.EventType',
  'dapr.proto.operator.v1.HTTPEndpointUpdateEvent.type',
  'dapr.proto.operator.v1.ListMCPServersRequest',
  'dapr.proto.operator.v1.ListMCPServersResponse',
  'dapr.proto.operator.v1.ListWorkflowAccessPolicyRequest',
  'dapr.proto.operator.v1.ListWorkflowAccessPolicyResponse',
  'dapr.proto.operator.v1.MCPServerUpdateEvent',
  'dapr.proto.operator.v1.MCPServerUpdateRequest',
  'dapr.proto.operator.v1.Operator.ConfigurationUpdate',
  'dapr.proto.operator.v1.Operator.ListMCPServers',
  'dapr.proto.operator.v1.Operator.ListWorkflowAccessPolicy',
  'dapr.proto.operator.v1.Operator.MCPServerUpdate',
  'dapr.proto.operator.v1.Operator.ResiliencyUpdate',
  'dapr.proto.operator.v1.Operator.WorkflowAccessPolicyUpdate',
  'dapr.proto.operator.v1.ResiliencyUpdateEvent',
  'dapr.proto.operator.v1.ResiliencyUpdateRequest',
  'dapr.proto.operator.v1.ResourceConditionStatus',
  'dapr.proto.operator.v1.ResourceResult',
  'dapr.proto.operator.v1.ResourceType',
  'dapr.proto.operator.v1.WorkflowAccessPolicyUpdateEvent',
  'dapr.proto.operator.v1.WorkflowAccessPolicyUpdateRequest',
  'dapr.proto.placement.v1.StatePlacementTable',
  'dapr.proto.placement.v1.StatePlacementTables',
  'dapr.proto.runtime.v1.ActorEntityConfig',
  'dapr.proto.runtime.v1.ActorReentrancyConfig',
  'dapr.proto.runtime.v1.AppCallback.OnJobEvent',
  'dapr.proto.runtime.v1.Dapr.DeleteJob',
  'dapr.proto.runtime.v1.Dapr.DeleteJobsByPrefix',
  'dapr.proto.runtime.v1.Dapr.GetJob',
  'dapr.proto.runtime.v1.Dapr.ListJobs',
  'dapr.proto.runtime.v1.Dapr.ScheduleJob',
  'dapr.proto.runtime.v1.Dapr.SubscribeActorEventsAlpha1',
  'dapr.proto.runtime.v1.DeleteJobsByPrefixRequest',
  'dapr.proto.runtime.v1.DeleteJobsByPrefixResponse',
  'dapr.proto.runtime.v1.GetMetadataResponse.mcp_servers',
  'dapr.proto.runtime.v1.GetMetadataResponse.resiliencies',
  'dapr.proto.runtime.v1.GetMetadataResponse.workflow_access_policies',
  'dapr.proto.runtime.v1.ListJobsRequest',
  'dapr.proto.runtime.v1.ListJobsResponse',
  'dapr.proto.runtime.v1.MetadataMCPServer',
  'dapr.proto.runtime.v1.MetadataResiliency',
  'dapr.proto.runtime.v1.MetadataWorkflowAccessPolicy',
  'dapr.proto.runtime.v1.SubscribeActorEventsRequestAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsRequestDeactivateResponseAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsRequestFailedAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsRequestInitialAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsRequestInvokeResponseAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsRequestReminderResponseAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsResponseAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsResponseDeactivateRequestAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsResponseInitialAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsResponseInvokeRequestAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsResponseReminderRequestAlpha1',
  'dapr.proto.runtime.v1.SubscribeActorEventsResponseTimerRequestAlpha1',
  'dapr.proto.scheduler.v1.ConcurrencyLimit',
  'dapr.proto.scheduler.v1.ConcurrencyLimitActor',
  'dapr.proto.scheduler.v1.JobMetadata.concurrency_key',
  'dapr.proto.scheduler.v1.WatchJobsRequestInitial.concurrency_limits',
  'dapr.proto.sentry.v1.SignCertificateResponse.per_audience_jwts',
];

/** What is on the wire according to the .proto files in a folder. */
function factsOf(folder: string): ReadonlyMap<string, string> {
  const options = ['--as-file-descriptor-set', '--exclude-source-info', '-o', '-#format=binpb'];
  return wireFacts(execFileSync(buf, ['build', folder, ...options]));
}

describe('the wire contract', () => {
  let theirs: ReadonlyMap<string, string>;
  let ours: ReadonlyMap<string, string>;

  beforeAll(() => {
    theirs = factsOf(join(sdk, 'proto'));
    ours = wireFacts(encodedDescriptors());
  });

  it('is what the official JavaScript SDK carries, field by field', () => {
    expect(theirs.size).toBeGreaterThan(1200);
    const expected = [...theirs].map(([name, fact]) => [name, Object.hasOwn(changed, name) ? changed[name] : fact]);
    expect([...theirs.keys()].map((name) => [name, ours.get(name)])).toEqual(expected);
  });

  it('has more than the SDK only where Dapr 1.18 has', () => {
    const packages = new Set([...theirs.keys()].map(packageOf));
    const more = [...ours.keys()].filter((name) => packages.has(packageOf(name)) && !theirs.has(name));
    const outermost = more.filter(
      (name) => ours.get(name) !== 'map entry' && !more.includes(name.slice(0, name.lastIndexOf('.'))),
    );
    expect(outermost.toSorted()).toEqual(added.toSorted());
  });

  it('of workflow workers is what the workflow library of the SDK carries, no more and no less', () => {
    const library = dirname(createRequire(join(sdk, 'index.js')).resolve('@dapr/durabletask-js'));
    const withoutPackage = (facts: ReadonlyMap<string, string>) =>
      Object.fromEntries([...facts].filter(([name]) => !/^(dapr|google|grpc)\./.test(name)));
    const workers = withoutPackage(factsOf(join(library, 'proto')));
    expect(Object.keys(workers)).toContain('TaskHubSidecarService.GetWorkItems');
    expect(withoutPackage(ours)).toEqual(workers);
  });
});

/** `dapr.proto.runtime.v1` of what stands in it. */
function packageOf(name: string): string {
  return /^.*?\.v\d[^.]*/.exec(name)?.[0] ?? name.split('.').slice(0, -1).join('.');
}
