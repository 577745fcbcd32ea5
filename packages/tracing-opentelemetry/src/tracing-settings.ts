/** What to record, and who takes it. */
export interface TracingSettings {
  /** The app's id, or what `OTEL_SERVICE_NAME` says. */
  readonly serviceName: string;
  /** The share of the traces that begin here, 0 to 1. Those that come from elsewhere are recorded as their `traceparent` says. */
  readonly samplingRate: number;
  /** Whether spans go to the log. */
  readonly stdout: boolean;
  /** URL to which Zipkin's JSON is posted. */
  readonly zipkin?: string | undefined;
  readonly otlp?: OtlpSettings | undefined;
}

export interface OtlpSettings {
  readonly protocol: 'grpc' | 'http';
  /** With its scheme, `https` meaning TLS; over HTTP with its path. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for one attempt to export. Default 10 s. */
  readonly timeout?: number | undefined;
}
