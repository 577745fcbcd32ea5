/** The YAML of a component. */
export function componentYaml(name: string, type: string, metadata: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries(metadata).map(([field, value]) => ({ name: field, value }));
  return `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: ${name}}
spec: {type: ${type}, version: v1, initTimeout: 30s, metadata: ${JSON.stringify(fields)}}
---
`;
}
