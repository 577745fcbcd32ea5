/** Where the token comes from that goes with each request. */
export interface TokenSource extends AsyncDisposable {
  /** The token to send now. */
  token(signal: AbortSignal): Promise<string>;
  /**
   * Called when Vault has answered 403 to `token`. Resolves to whether there is another token now, so that the request, which
   * was not served, may be sent again.
   */
  replace(token: string, signal: AbortSignal): Promise<boolean>;
}
