/** Operating faults of the network. */
export type NetworkErrorCode =
  /** A setting cannot be used; `message` says which. */
  | 'BAD_OPTIONS'
  /** The address to listen at is taken or not of this machine. */
  | 'LISTEN_FAILED'
  /** A join token is damaged or of another format. */
  | 'BAD_TOKEN'
  | 'TOKEN_EXPIRED'
  /** No member answered a join. */
  | 'JOIN_UNREACHABLE'
  /** The network's thread ended by itself. */
  | 'THREAD_ENDED';

export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: NetworkErrorCode;

  constructor(code: NetworkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
