/**
 * The MySQL protocol's front door: listens, logs clients in, decodes their commands, encodes the answers. What the
 * commands mean is the engine's (ports.ts).
 */
export * from './ports.ts';
export { ProtocolError } from './errors.ts';
export { startServer, type RunningServer, type ServerOptions } from './server.ts';
export type { TlsFiles } from './tls.ts';
export type { Figures } from './figures.ts';
export type { Log } from './context.ts';
export {
  type AuthPlugin,
  hashCachingSha2Password,
  hashNativePassword,
  hashPassword,
  isPasswordHash,
} from './auth/index.ts';
export { PasswordCache } from './auth/caching-sha2.ts';
export { LoginThrottle } from './auth/throttle.ts';
export { verifyPassword } from './auth/verify.ts';
